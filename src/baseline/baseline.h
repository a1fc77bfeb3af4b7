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

/// Version of the file (docs/baseline-format.md); one with another is refused.
inline constexpr int kFormat = 2;

/// A bit of Entry::attributes that is none: the entry was taken over from a database of the
/// original (baseline/original.h), which knew the lower 32 bits of the inode, whole seconds, the
/// flags of few objects, and neither when an object was made nor its capabilities.
inline constexpr std::uint32_t kImported = 0x8000'0000;

/// Trusted facts of one object, with what a line shows of them and the policy that watched it.
struct Entry {
  FileFacts facts;
  std::string owner;  ///< name at the time; the number's digits where it had none
  std::string group;
  std::uint8_t policy = 0;
  std::uint32_t attributes = 0;
};

/// How contents were digested when it was made; a check does the same.
struct Digests {
  DigestKind first = DigestKind::Sha256;
  DigestKind second = DigestKind::None;
  bool operator==(const Digests&) const = default;
};

/// What a baseline says of itself.
struct About {
  std::string program;       ///< that made it, with its version
  std::int64_t created = 0;  ///< seconds since the epoch
  Digests digests;
  std::uint64_t entries = 0;
  std::uint64_t directories = 0;    ///< that have entries
  std::uint64_t content_bytes = 0;  ///< of all files whose content was digested
};

/// A change that somebody accepted into the baseline.
struct Approval {
  std::int64_t time = 0;  ///< seconds since the epoch
  std::string who;
  std::string reason;
  std::string path;
  std::string change;  ///< "C-------TS", "ADDED", "MISSING"
};
/// The oldest are forgotten beyond so many, or so many bytes of their texts.
inline constexpr std::size_t kMaxApprovals = 100'000;
inline constexpr std::size_t kMaxApprovalBytes = std::size_t{32} << 20;

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
/// Without commit() nothing has happened.
class Writer {
 public:
  /// Errors: Busy (another init or update is under way), System (disk full, no such directory…).
  static Result<std::unique_ptr<Writer>> create(const std::string& path, Digests digests = {});
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Directories may come mixed; of two entries of one name the last counts.
  Result<void> add(std::string_view directory, Entry entry);
  /// A hint that saves memory: most likely nothing more comes of this directory.
  Result<void> finish_directory(std::string_view directory);
  void add_approval(Approval approval);
  /// Flushes, signs, renames, flushes the directory.  Once; after an error the old baseline is
  /// still the one that counts.
  Result<Written> commit(const crypto::SigningSeed& key);

  /// One that never is a file; finish_image() takes the place of commit().
  static std::unique_ptr<Writer> create_in_memory(Digests digests = {});
  /// The bytes of a file; without a key nobody has signed it.
  Result<Bytes> finish_image(const crypto::SigningSeed* key = nullptr);

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Reader;
/// A baseline of all that `reader` says, deltas included, as the bytes of a file.  It is signed by
/// nobody: only who has another reason to believe it can use it (Reader::open_vouched()).
Result<Bytes> merged_image(Reader& reader);

/// A baseline whose signature was good before one byte of it was believed.  It is never opened
/// again: each piece is read when it is needed, and checked to be still the one that was signed, so
/// that memory does not grow with the baseline.
class Reader {
 public:
  /// `trusted`: who besides root and ourselves may write the directories on the way to the file.
  /// Errors: Missing (no file), Refused (signature, or others may write the file or its path),
  ///         Malformed (cut, no signature), Version (another format), System.
  static Result<std::unique_ptr<Reader>> open(const std::string& path,
                                              const crypto::SigningSeed& key,
                                              std::span<const uid_t> trusted = {});
  /// A baseline that is believed for another reason than its signature, which is not looked at: a
  /// server vouched for these bytes, or the process that reads them is locked in.
  /// Errors: Malformed (cut, or no baseline), Version, System.
  static Result<std::unique_ptr<Reader>> open_vouched(UniqueFd fd);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const About& about() const;

  /// From now on the entries of `delta` count in the places of those of the same path.
  /// Errors: Limit (kMaxDeltas of them are there), and those of directory().
  Result<void> apply(std::unique_ptr<Reader> delta);
  static constexpr std::size_t kMaxDeltas = 64;

  /// The entries of one directory, sorted by name; empty if it has none.  What is absent is left
  /// out.
  /// Errors, as everywhere here: Refused (not any more what was signed), Malformed, System.
  Result<std::vector<Entry>> directory(std::string_view path);
  /// One object, by its directory and name.
  Result<std::optional<Entry>> find(std::string_view directory, std::string_view name);
  /// As directory(), but as it stands in the file: without deltas, and with what is absent.
  Result<std::vector<Entry>> stored_directory(std::string_view path);

  /// The directories that have entries in the file, numbered in the order of their paths.
  Result<std::optional<std::uint64_t>> number_of(std::string_view path);
  Result<std::string> directory_at(std::uint64_t number);
  std::uint64_t directory_count() const { return about().directories; }
  /// Those that only deltas have, sorted.
  const std::vector<std::string>& added_directories() const;
  Result<std::vector<std::string>> directories();  ///< all at once, sorted

  Result<std::vector<Approval>> approvals();  ///< oldest first
  std::uint64_t size() const { return about().entries; }
  /// SHA-256 of the file, for START; with deltas it is another one for each set of them.
  std::string digest_hex() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  Result<std::vector<std::string>> stored_directories();
  template <class Verify>
  static Result<std::unique_ptr<Reader>> open_if(UniqueFd fd, Verify verify);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::baseline
