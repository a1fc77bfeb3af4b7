#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::scan {

/// Opens directories component by component, each relative to its parent and never through a
/// symlink (openat(2) O_NOFOLLOW), so that what lies at a path is what the walk saw there.  The
/// descriptors along the last path are kept: the next directory of a walk mostly needs one open.
class DirectoryChain {
 public:
  /// A directory open for reading, valid until the next call.  The first `trusted_depth` components
  /// may be symlinks.  Errors: System; sys_errno is ENOENT, ENOTDIR (also: a symlink), EACCES…
  Result<int> open(std::string_view path, std::size_t trusted_depth);

  /// Forgets what is open.  Done by open() itself when the oldest descriptor is a second old: a
  /// directory that was moved away and replaced is not read under its old name for long.
  void clear();

 private:
  struct Link {
    std::string name;
    UniqueFd fd;
    bool is_readable = false;  ///< opened for reading, not only for passing through (O_PATH)
  };
  Result<void> begin(std::string_view trusted_part);
  Result<void> step(std::string_view name, bool is_readable);
  Result<int> last_readable();

  std::string trusted_part_;  ///< the path of links_[0]
  std::vector<Link> links_;
  std::chrono::steady_clock::time_point opened_{};
};

}  // namespace samhain::scan
