#include "sys/empty_root.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "sys/capabilities.h"

namespace samhain::sys {
namespace {

constexpr std::size_t kStackSize = std::size_t{64} << 10;

/// In the helper: it shares our root (CLONE_FS), and its own directory in /proc dies with it.
/// What it returns becomes its exit status (clone(2)).
int change_root(void*) { return chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0 ? 0 : errno; }

/// 0, or the errno of what failed.
int run_helper() {
  std::vector<char> stack(kStackSize);
  const pid_t pid = clone(change_root, stack.data() + stack.size(), CLONE_FS | SIGCHLD, nullptr);
  if (pid < 0) return errno;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

/// Nothing can be found any more, also not descriptor 0, which was there while the helper lived.
/// Kernels differ in the errno: ENOENT or ESRCH.
bool is_empty() { return access("/0", F_OK) != 0 && access("/proc", F_OK) != 0; }

}  // namespace

Result<std::string> enter_empty_root() {
  const bool is_privileged = has_capability(CAP_SYS_CHROOT);
  if (!is_privileged && unshare(CLONE_NEWUSER) != 0) {
    return fmt::format("user namespace: {}", strerror(errno));
  }
  // A change of credentials makes our directory in /proc root's own; lock_in() sets it for good.
  if (prctl(PR_SET_DUMPABLE, 1) != 0) return system_error("PR_SET_DUMPABLE", errno);
  const int error = run_helper();
  if (error != 0 && is_privileged) return system_error("empty root", error);
  if (error != 0) return fmt::format("chroot: {}", strerror(error));
  if (!is_empty()) return Error{Error::Kind::Refused, "the empty root is not empty"};
  return std::string{};
}

}  // namespace samhain::sys
