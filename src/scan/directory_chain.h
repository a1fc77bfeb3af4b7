#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::scan {

/// Opens directories component by component, each relative to its parent and never through a
/// symlink (openat(2) O_NOFOLLOW), so that what lies at a path is what the walk saw there.
///
/// The descriptors on the way are kept for a second: the next directory of a walk mostly needs one
/// open, also where several walks alternate (measured on a tree 30 levels deep: keeping only those
/// along the last path cost 15 opens a directory).
class DirectoryChain {
 public:
  DirectoryChain();

  /// A directory open for reading, valid until the next call.  The first `trusted_depth` components
  /// may be symlinks.  Errors: System; sys_errno is ENOENT, ENOTDIR (also: a symlink), EACCES…
  Result<int> open(std::string_view path, std::size_t trusted_depth);

  /// Forgets what is open.  open() does so when the oldest descriptor is a second old: a directory
  /// that was moved away and replaced is not read under its old name for long.
  void clear() { kept_.clear(); }

 private:
  struct Kept {
    UniqueFd fd;
    bool is_readable = false;  ///< opened for reading, not only for passing through (O_PATH)
  };
  Kept* find(std::string_view path);
  Result<Kept*> keep(std::string_view path, UniqueFd fd, bool is_readable);
  Result<Kept*> begin();
  Result<Kept*> step(const Kept& parent, std::string_view path, bool is_readable);

  /// By path and length of its trusted part: the same path is another promise with another length.
  std::unordered_map<std::string, Kept> kept_;
  std::string key_;
  std::size_t max_kept_;
  std::string_view trusted_part_;  ///< of the path that open() is busy with
  std::chrono::steady_clock::time_point opened_{};
};

}  // namespace samhain::scan
