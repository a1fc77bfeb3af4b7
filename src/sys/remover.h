#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/identity.h"

namespace samhain::sys {

/// Removes files at the end of a process that cannot reach them any more, because it changed its
/// root meanwhile.  It is a small process that stays outside and does nothing else.  A descriptor
/// of their directory, kept from before, would serve as well, and would lead whoever takes the
/// process over out of its jail: openat(2) goes upwards from it.
class Remover {
 public:
  /// For the files that are at `paths` now.  It runs as `identity`, with no privilege: what this
  /// user may not remove stays.
  static Result<Remover> start(const std::vector<std::string>& paths,
                               const std::optional<Identity>& identity);
  /// Now; what has come under the names since stays.  Waits, two seconds at most.
  void remove();

 private:
  Remover(pid_t pid, UniqueFd pidfd, UniqueFd order)
      : pid_(pid), pidfd_(std::move(pidfd)), order_(std::move(order)) {}
  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd order_;
};

}  // namespace samhain::sys
