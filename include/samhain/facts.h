#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace samhain {

/// Seconds since the epoch and nanoseconds, as statx(2) gives them.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool operator==(const Timestamp&) const = default;
};

using Digest = std::array<std::uint8_t, 32>;  ///< SHA-256

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
  std::string target;            ///< of a symlink, as readlink(2) gives it
  std::optional<Digest> digest;  ///< of the whole content, where the policy asks for it
  std::optional<Digest>
      prefix_digest;  ///< of the first bytes that the request named (growing logs)

  Stage failed_stage = Stage::None;  ///< None: every fact asked for is here
  int failed_errno = 0;
};

}  // namespace samhain
