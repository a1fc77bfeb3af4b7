#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::sys {

/// What is open there is a directory.
bool is_directory(int fd);

/// All of a descriptor's bytes.  Errors: System, Limit (more than `limit`).
Result<Bytes> read_all(int fd, std::size_t limit);

/// All of a file's bytes; a symlink as last component is followed.  Errors: System, Limit.
Result<Bytes> read_file(const std::string& path, std::size_t limit);

/// The same of a regular file alone: a fifo that lies in its place keeps nobody waiting.
/// Errors: System, Limit, Refused (no regular file).
Result<Bytes> read_regular_file(const std::string& path, std::size_t limit);

/// The same of a file that this process made in a run before: nobody else's, no symlink, and
/// nothing that others may write.  Errors: System, Limit, Refused.
Result<Bytes> read_own_file(const std::string& path, std::size_t limit);

/// Every byte, however often write(2) stops half-way.
Result<void> write_all(int fd, ByteView bytes);

/// A file that appears under `path` whole, with `mode`, flushed, or not at all: written beside it
/// under another name, fsync(2), rename(2), fsync of the directory.
Result<void> write_file_atomically(const std::string& path, ByteView bytes, mode_t mode);

/// fsync(2) of the directory that holds `path`, so that a rename or creation in it survives.
Result<void> flush_directory_of(const std::string& path);

/// The directory that holds `path`: "/var/log" of "/var/log/yule", "." where it names none.
std::string directory_of(const std::string& path);

/// Why a path cannot be trusted; the words are those of the log.
struct Distrust {
  std::string message;    ///< "World writeable", "Owner not trustworthy",
                          ///< "Group writeable and member not trustworthy", "stat() failed"
  std::string component;  ///< the component that is to blame
};

/// Walks each component of `path`, symlinks followed, each target walked too: its owner must be
/// root, the effective user or one of `trusted`; a group that may write must have only such
/// members; a directory that all may write needs the sticky bit (docs/security.md).  Nothing:
/// trusted.
std::vector<Distrust> find_distrust(const std::string& path, std::span<const uid_t> trusted);

}  // namespace samhain::sys
