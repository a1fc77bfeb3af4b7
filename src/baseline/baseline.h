#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sign.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::baseline {

/// Version of the tables; a file with a greater one is refused.
inline constexpr int kFormat = 1;

/// Trusted facts of one object, with what a line shows of them and the policy that watched it.
struct Entry {
  FileFacts facts;
  std::string owner;  ///< name at the time; the number's digits where it had none
  std::string group;
  std::uint8_t policy = 0;
  std::uint32_t attributes = 0;
};

/// In a delta: the object of this name is no longer expected.
Entry absent_entry(std::string_view name);
bool is_absent(const Entry& entry);

/// Key that signs and checks the baseline at `path`: 32 bytes in `path`.key, mode 0600, made at
/// init.
Result<crypto::SigningSeed> load_or_make_key(const std::string& path);
/// Errors: Missing, Refused (readable by others), Malformed.
Result<crypto::SigningSeed> load_key(const std::string& path);

/// A baseline as it came to lie on the disk.
struct Written {
  UniqueFd file;  ///< the very file, whatever has its name meanwhile
  std::uint64_t size = 0;
  Digest sha256{};
};

/// Builds a new baseline beside the old one; commit() signs it and puts it in the old one's place.
/// Without commit() nothing has happened.  SQLite, tables meta, directory, entry (docs/baseline).
class Writer {
 public:
  /// Errors: Busy (another init is under way), System (disk full, no such directory…).
  static Result<std::unique_ptr<Writer>> create(const std::string& path);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Result<void> add(std::string_view directory, const Entry& entry);
  /// Flushes, signs (a trailer after the last page), renames, flushes the directory.  Once; after
  /// an error the old baseline is still the one that counts.
  Result<Written> commit(const crypto::SigningSeed& key);

  /// One that never is a file; finish_image() takes the place of commit().
  static Result<std::unique_ptr<Writer>> create_in_memory();
  /// The bytes of a file that nobody has signed.
  Result<Bytes> finish_image();

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  Result<void> make_tables();
  Result<std::int64_t> id_of(std::string_view directory);
  Result<void> close_tables();
  Result<void> end_transaction();
  std::unique_ptr<State> state_;
};

class Reader;
/// A baseline of all that `reader` says, deltas included, as the bytes of a file.  It is signed by
/// nobody: only who has another reason to believe it can use it (Reader::open_vouched()).
Result<Bytes> merged_image(Reader& reader);

/// A baseline whose signature was good before SQLite saw one byte of it, and which SQLite reads
/// from the very bytes that were verified: the file is mapped once and never opened again.
class Reader {
 public:
  /// `trusted`: who besides root and ourselves may write the directories on the way to the file.
  /// Errors: Missing (no file), Refused (signature, or others may write the file or its path),
  ///         Malformed (cut, no signature), Version (newer), System.
  static Result<std::unique_ptr<Reader>> open(const std::string& path,
                                              const crypto::SigningSeed& key,
                                              std::span<const uid_t> trusted = {});
  /// A baseline that is believed for another reason than its signature, which is not looked at: a
  /// server vouched for these bytes, or the process that reads them is locked in.  `fd` is mapped,
  /// not kept; what can still be changed behind it must be nobody's to change.
  /// Errors: Malformed (cut, or no baseline), Version, System.
  static Result<std::unique_ptr<Reader>> open_vouched(int fd);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// From now on the entries of `delta` count in the places of those of the same path.
  /// Errors: Limit (kMaxDeltas of them are there).
  Result<void> apply(std::unique_ptr<Reader> delta);
  static constexpr std::size_t kMaxDeltas = 64;

  /// The entries of one directory, sorted by name; empty if it has none.  What is absent is left
  /// out.
  Result<std::vector<Entry>> directory(std::string_view path);
  /// The same as it stands in the file: without deltas, and with what is absent.
  Result<std::vector<Entry>> stored_directory(std::string_view path);
  /// One object, by its directory and name.
  Result<std::optional<Entry>> find(std::string_view directory, std::string_view name);
  /// All directories that have entries, sorted.
  Result<std::vector<std::string>> directories();
  Result<std::uint64_t> size();  ///< entries of the file; counts them
  /// SHA-256 of the file, for START; with deltas it is another one for each set of them.
  std::string digest_hex() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  Result<std::vector<std::string>> stored_directories();
  Result<std::optional<Entry>> stored(std::string_view directory, std::string_view name);
  static Result<std::unique_ptr<Reader>> read_tables(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::baseline
