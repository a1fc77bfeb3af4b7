#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/identity.h"

namespace samhain::sys {

/// A directory that is to be the root of this process (chroot(2)).  Paths are as they are seen from
/// inside, symbolic links included, before as well as after enter().
class Jail {
 public:
  /// Errors: System, Refused (somebody else than root could change what is in it, so it would hold
  /// nobody).
  static Result<Jail> open(const std::string& directory);

  const std::string& directory() const { return directory_; }
  /// What is there, opened with `flags` (O_PATH, O_RDWR, …), close-on-exec.  Errors: System.
  Result<UniqueFd> find(const std::string& path, std::uint64_t flags) const;
  /// The first of `names` in the jail's own /etc/passwd that is not root.
  /// Errors: System (no such file), Missing (none of them).
  Result<Identity> find_identity(std::span<const std::string_view> names) const;
  /// Changes root and working directory, for good once root is given up.  Only for root.
  Result<void> enter() const;

 private:
  Jail(std::string directory, UniqueFd root)
      : directory_(std::move(directory)), root_(std::move(root)) {}
  std::string directory_;
  UniqueFd root_;
};

/// The files that the running program is made of beside itself: its libraries and what loads them.
/// Modules that the C library loaded since the start (of nsswitch.conf) are among them: ask early.
std::vector<std::string> files_of_this_program();

}  // namespace samhain::sys
