#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace samhain {

/// Seconds since the epoch and nanoseconds, as statx(2) gives them.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool operator==(const Timestamp&) const = default;
};

using Digest = std::array<std::uint8_t, 32>;  ///< SHA-256

/// How the content of files is digested (DigestAlgo).  The numbers are part of the baseline's
/// format: never renumber.
enum class DigestKind : std::uint8_t {
  None = 0,
  Sha256 = 1,
  Sha512 = 2,
  Blake2b = 3,  ///< BLAKE2b-512, RFC 7693
  Sha1 = 4,
  Md5 = 5,
  Tiger192 = 6  ///< never made, only taken over from a database of the original
};
inline constexpr auto kLastDigestKind = static_cast<std::uint8_t>(DigestKind::Tiger192);

/// Bytes of such a digest.
constexpr std::size_t size_of(DigestKind kind) {
  constexpr std::array<std::size_t, kLastDigestKind + 1> kSizes = {0, 32, 64, 64, 20, 16, 24};
  return kSizes[static_cast<std::size_t>(kind)];
}

/// The digest of a file's content; of kind None where there is none.
struct ContentDigest {
  DigestKind kind = DigestKind::None;
  std::array<std::uint8_t, 64> bytes{};  ///< the first size_of(kind) count, the others are zero

  explicit operator bool() const { return kind != DigestKind::None; }
  std::span<const std::uint8_t> view() const { return std::span{bytes}.first(size_of(kind)); }
  std::span<std::uint8_t> span() { return std::span{bytes}.first(size_of(kind)); }
  bool operator==(const ContentDigest&) const = default;
};

/// What few objects have and few policies watch.
struct ExtendedFacts {
  std::string acl;             ///< "acl_access:u::rw-,g::r--,o::r--", from the mode if it has none
  std::string capabilities;    ///< "cap_net_raw=ep"; empty: none
  std::string selinux;         ///< its label
  std::string xattrs;          ///< "user.a=1 user.b=sha256:…", sorted by name
  std::string content;         ///< of a text that is kept (TXT): zlib, RFC 1950
  std::uint64_t oversize = 0;  ///< bytes of a content that, compressed, was too large to be kept
  bool operator==(const ExtendedFacts&) const = default;
};

/// Where measuring one object failed; the words are those of the log (`interface=<…>`).
enum class Stage : std::uint8_t {
  None = 0,
  Lstat,
  Open,
  Read,
  Readlink,
  Opendir,
  Timeout,
  Unstable
};

/// What was measured of one object; of a symlink itself, never of its target.
struct FileFacts {
  std::string name;        ///< last component, raw bytes
  std::uint32_t mode = 0;  ///< type and permissions, st_mode
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint32_t flags = 0;  ///< FS_IOC_GETFLAGS; 0 where the file system has none
  std::uint64_t inode = 0;
  std::uint64_t device = 0;   ///< file system it lives on, st_dev
  std::uint64_t rdevice = 0;  ///< of a device node, else 0
  std::uint64_t size = 0;
  Timestamp atime;
  Timestamp mtime;
  Timestamp ctime;
  Timestamp btime;              ///< zeros where the file system does not know
  std::string target;           ///< of a symlink, as readlink(2) gives it
  ContentDigest digest;         ///< of the whole content, where the policy asks for it
  ContentDigest second_digest;  ///< the same by another algorithm, where one is configured
  ContentDigest prefix_digest;  ///< of the first bytes that the request named (growing logs)
  std::shared_ptr<const ExtendedFacts> extended;  ///< null: none of it was asked for

  Stage failed_stage = Stage::None;  ///< None: every fact asked for is here
  int failed_errno = 0;
};

}  // namespace samhain
