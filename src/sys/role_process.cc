#include "sys/role_process.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "sys/pidfd.h"
#include "sys/role.h"

namespace samhain::sys {
namespace {

/// Where the child has the program while it is executed; close-on-exec.
constexpr int kProgram = kRoleChannel + 1;

/// The running program, opened at the first call; -1: it could not be.  Of a number that
/// arrange_descriptors() does not use.  Only to execute: no path begins at it.
int own_program() {
  constexpr int kLowest = 10;
  static const UniqueFd program{[] {
    const UniqueFd found{open("/proc/self/exe", O_PATH | O_CLOEXEC)};
    return found ? fcntl(found.get(), F_DUPFD_CLOEXEC, kLowest) : -1;
  }()};
  return program.get();
}

/// All that the child needs, made before the fork: after it nothing may allocate.
struct Execution {
  std::array<char*, 3> arguments;
  std::array<char*, 3> environment;
  int channel;
  int program;  ///< -1: none
  pid_t parent;
};

void reset_signals() {
  // Ignored signals stay ignored through execve(2), so also those.
  for (int signal = 1; signal < NSIG; ++signal) {
    // EINVAL for those of the C library, which never leaves them ignored.
    if (signal != SIGKILL && signal != SIGSTOP) (void)::signal(signal, SIG_DFL);
  }
  sigset_t none{};
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool arrange_descriptors(int channel, int program) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) return false;
  // dup2(2) of a descriptor onto itself would leave it close-on-exec.
  if (channel == kRoleChannel) {
    if (fcntl(channel, F_SETFD, 0) != 0) return false;
  } else if (dup2(channel, kRoleChannel) < 0) {
    return false;
  }
  if (program < 0) return close_range(kProgram, ~0U, 0) == 0;
  return dup3(program, kProgram, O_CLOEXEC) == kProgram && close_range(kProgram + 1, ~0U, 0) == 0;
}

[[noreturn]] void become_role(const Execution& execution) {
  // The parent may have died before prctl(2) could tell the kernel.
  const bool is_bound = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == execution.parent;
  if (is_bound && arrange_descriptors(execution.channel, execution.program)) {
    reset_signals();
    // The link leads to the running file itself: also after an upgrade replaced it, and where an
    // unprivileged user cannot reach the directory.
    execve("/proc/self/exe", execution.arguments.data(), execution.environment.data());
    // In a jail it is not there.
    if (execution.program >= 0) {
      execveat(kProgram, "", execution.arguments.data(), execution.environment.data(),
               AT_EMPTY_PATH);
    }
  }
  _exit(kExecFailed);
}

}  // namespace

Result<void> keep_program() {
  if (own_program() < 0) return system_error("/proc/self/exe", errno);
  return {};
}

void RoleProcess::kill() const {
  // It can only fail because the process has ended or (without CAP_KILL) is not ours to kill; then
  // the end of its channel tells it to go.
  signal_pidfd(pidfd.get(), SIGKILL);
}

Result<RoleProcess> spawn_role(const std::string& name, int channel) {
  std::string program = program_invocation_short_name;
  std::string role = "--role=" + name;
  Execution execution{.arguments = {program.data(), role.data(), nullptr},
                      .environment = {},
                      .channel = channel,
                      .program = own_program(),
                      .parent = getpid()};
  std::size_t variables = 0;
  std::string zone;
  if (const char* value = std::getenv("TZ"); value != nullptr) {
    zone = fmt::format("TZ={}", value);
    execution.environment[variables++] = zone.data();
  }
#ifdef WITH_SANITIZERS
  // The leak check ptraces its own process, which a locked-in role must not.
  std::string asan = "ASAN_OPTIONS=detect_leaks=0";
  execution.environment[variables++] = asan.data();
#endif

  const pid_t pid = fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) become_role(execution);
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd) {
    const int error = errno;
    ::kill(pid, SIGKILL);  // ours and not yet reaped: the number is still its own
    waitpid(pid, nullptr, 0);
    return system_error("pidfd_open", error);
  }
  return RoleProcess{pid, std::move(pidfd)};
}

std::string status_text(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return fmt::format("killed by signal {} ({})", signal, strsignal(signal));
  }
  if (WEXITSTATUS(wait_status) == kExecFailed) return "could not be executed";
  return fmt::format("ended with status {}", WEXITSTATUS(wait_status));
}

}  // namespace samhain::sys
