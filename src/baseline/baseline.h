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
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::baseline {

/// Version of the file (docs/baseline-format.md); one with another is refused.
inline constexpr int kFormat = 2;

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

/// Key that signs and checks the baseline at `path`: 32 bytes in `path`.key, mode 0600, made at
/// init.
Result<crypto::SigningSeed> load_or_make_key(const std::string& path);
/// Errors: Missing, Refused (readable by others), Malformed.
Result<crypto::SigningSeed> load_key(const std::string& path);

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
  Result<void> commit(const crypto::SigningSeed& key);
  /// The file itself, to be read from its beginning: after commit() the baseline, however its name
  /// may be used meanwhile.
  int fd() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

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

  /// The entries of one directory, sorted by name; empty if it has none.
  /// Errors, as everywhere here: Refused (not any more what was signed), Malformed, System.
  Result<std::vector<Entry>> directory(std::string_view path);
  /// One object, by its directory and name.
  Result<std::optional<Entry>> find(std::string_view directory, std::string_view name);

  /// The directories that have entries, numbered in the order of their paths.
  Result<std::optional<std::uint64_t>> number_of(std::string_view path);
  Result<std::string> directory_at(std::uint64_t number);
  std::uint64_t directory_count() const { return about().directories; }
  Result<std::vector<std::string>> directories();  ///< all at once, sorted

  Result<std::vector<Approval>> approvals();  ///< oldest first
  std::uint64_t size() const { return about().entries; }
  std::string digest_hex() const;  ///< SHA-256 of the file, for START

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  template <class Verify>
  static Result<std::unique_ptr<Reader>> open_if(UniqueFd fd, Verify verify);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::baseline
