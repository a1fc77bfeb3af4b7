#pragma once

#include <sys/types.h>

#include <string>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::sys {

/// One life of a role.
struct RoleProcess {
  pid_t pid = 0;
  UniqueFd pidfd;
  void kill() const;  ///< SIGKILL; never hits another process (pidfd_send_signal(2))
};

/// Executes this program again as the role `name` with `channel` on kRoleChannel.  A failure after
/// the fork shows as exit status kExecFailed.
Result<RoleProcess> spawn_role(const std::string& name, int channel);

inline constexpr int kExecFailed = 127;

/// Keeps the running program at hand, so that spawn_role() finds it also where no path leads to it
/// any more: in a jail without /proc.  Call it before chroot(2).
Result<void> keep_program();

/// "ended with status 1", "killed by signal 9 (Killed)".
std::string status_text(int wait_status);

}  // namespace samhain::sys
