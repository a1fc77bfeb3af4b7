#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "sys/daemon.h"

namespace samhain::sys {
namespace {

constexpr int kSignalStatus = 128;  // as the shell shows a death by signal

/// The command that was called: waits for the daemon's word and ends with its status.
[[noreturn]] void wait_and_exit(int pipe, pid_t daemon) {
  char word = 0;
  ssize_t size = 0;
  do {
    size = read(pipe, &word, 1);
  } while (size < 0 && errno == EINTR);
  if (size == 1) _exit(EXIT_SUCCESS);

  int status = 0;
  while (waitpid(daemon, &status, 0) < 0) {
    if (errno != EINTR) _exit(EXIT_FAILURE);
  }
  if (WIFSIGNALED(status)) _exit(kSignalStatus + WTERMSIG(status));
  _exit(WEXITSTATUS(status));
}

Result<UniqueFd> open_null() {
  UniqueFd null{open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!null) return system_error("/dev/null", errno);
  return null;
}

}  // namespace

Result<void> open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    auto null = open_null();
    if (!null) return null.error();
    // The lowest free number is the one that was closed.
    if (fcntl(null->get(), F_SETFD, 0) != 0) return system_error("fcntl", errno);
    null->release();
  }
  return {};
}

Result<void> close_inherited_descriptors() {
  if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0) return system_error("close_range", errno);
  return {};
}

Result<void> raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("getrlimit", errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("setrlimit", errno);
  return {};
}

Result<Detached> Detached::detach() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("pipe", errno);
  const UniqueFd from_daemon{ends[0]};
  UniqueFd to_command{ends[1]};
  (void)std::fflush(nullptr);  // or both processes would write what is buffered

  const pid_t pid = fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid > 0) {
    to_command.reset();
    wait_and_exit(from_daemon.get(), pid);
  }
  if (setsid() < 0) return system_error("setsid", errno);
  if (chdir("/") != 0) return system_error("chdir", errno);
  const auto null = open_null();
  if (!null) return null.error();
  if (dup2(null->get(), STDIN_FILENO) < 0 || dup2(null->get(), STDOUT_FILENO) < 0) {
    return system_error("dup2", errno);
  }
  return Detached{std::move(to_command)};
}

void Detached::ready() {
  // A command that was killed meanwhile must not take the daemon with it.
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  const char word = 1;
  while (write(pipe_.get(), &word, 1) < 0 && errno == EINTR) continue;
  sigaction(SIGPIPE, &before, nullptr);
  pipe_.reset();
  // Without /dev/null stderr stays as it is: no reason to end a daemon that works.
  if (const auto null = open_null()) dup2(null->get(), STDERR_FILENO);
}

}  // namespace samhain::sys
