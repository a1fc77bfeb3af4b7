#include "config/shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "config/document.h"
#include "samhain/handle.h"

namespace samhain::config {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Between fork and exec: async-signal-safe calls only (signal-safety(7)).
[[noreturn]] void become_shell(const char* command, char* const* environment, int output) {
  constexpr int kCannotRun = 127;
  sigset_t none;
  sigemptyset(&none);
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD}) {
    if (sigaction(signal, &plain, nullptr) != 0) _exit(kCannotRun);
  }
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  // Where our own descriptor 0 was closed, open() gave just that one: dup2() then keeps its flag.
  if (input < 0 || dup2(input, STDIN_FILENO) < 0 || fcntl(STDIN_FILENO, F_SETFD, 0) != 0 ||
      dup2(output, STDOUT_FILENO) < 0 || setpgid(0, 0) != 0 ||
      sigprocmask(SIG_SETMASK, &none, nullptr) != 0) {
    _exit(kCannotRun);
  }
  umask(077);
  std::array<char, 3> shell_name{'s', 'h', 0};
  std::array<char, 3> option{'-', 'c', 0};
  // execve(2) promises not to write to its arguments.
  const std::array<char*, 4> arguments{shell_name.data(), option.data(), const_cast<char*>(command),
                                       nullptr};
  execve("/bin/sh", arguments.data(), environment);
  _exit(kCannotRun);
}

/// A child that is killed with its group and waited for, unless it was waited for before.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    // The group does not exist yet if the child has not come to setpgid().
    if (kill(-pid_, SIGKILL) != 0) kill(pid_, SIGKILL);
    (void)wait();
  }

  Result<int> wait() {
    int status = 0;
    pid_t got = 0;
    do {
      got = waitpid(pid_, &status, 0);
    } while (got < 0 && errno == EINTR);
    const int saved = errno;
    pid_ = -1;
    if (got < 0) return system_error("waitpid", saved);
    return status;
  }

 private:
  pid_t pid_;
};

/// Reads what is there; keeps the first line.  False: no more will come.
class FirstLine {
 public:
  bool read_from(int fd) {
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t n = read(fd, buffer.data(), buffer.size());
      if (n > 0) {
        keep({buffer.data(), static_cast<std::size_t>(n)});
      } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        return false;
      } else if (errno == EAGAIN) {
        return true;
      }
    }
  }
  std::string take() { return std::move(text_); }

 private:
  void keep(std::string_view piece) {
    if (is_whole_) return;
    const std::size_t end = piece.find('\n');
    text_.append(piece.substr(0, std::min(end, kMaxLine - text_.size())));
    is_whole_ = end != std::string_view::npos || text_.size() == kMaxLine;
  }

  std::string text_;
  bool is_whole_ = false;
};

/// Until the shell has ended.  What it left running may still hold the pipe: that is not waited
/// for.
Result<std::string> follow(int output, int process, SteadyClock::time_point deadline) {
  FirstLine line;
  std::array<pollfd, 2> watched{pollfd{process, POLLIN, 0}, pollfd{output, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    if (left.count() <= 0) return Error{Error::Kind::Timeout, "the command took too long"};
    const int ready = poll(watched.data(), watched.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return system_error("poll", errno);
    if (ready <= 0) continue;
    const bool has_ended = watched[0].revents != 0;
    if ((has_ended || watched[1].revents != 0) && watched[1].fd >= 0 && !line.read_from(output)) {
      watched[1].fd = -1;  // poll(2) passes over it
    }
    if (has_ended) return line.take();
  }
}

}  // namespace

Result<ShellOutcome> run_shell(const std::string& command, std::chrono::milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("pipe2", errno);
  const UniqueFd reading{ends[0]};
  UniqueFd pipe_end{ends[1]};
  // Above the standard descriptors, which the child replaces one after the other.
  UniqueFd writing{fcntl(pipe_end.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
  if (!writing || fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0) {
    return system_error("fcntl", errno);
  }

  std::array<std::string, 4> variables{"PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/ucb",
                                       "SHELL=/bin/sh", "IFS= \t\n", ""};
  const char* zone = getenv("TZ");
  if (zone != nullptr) variables[3] = std::string{"TZ="} + zone;
  const std::array<char*, 5> environment{variables[0].data(), variables[1].data(),
                                         variables[2].data(),
                                         zone != nullptr ? variables[3].data() : nullptr, nullptr};

  const pid_t pid = fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) become_shell(command.c_str(), environment.data(), writing.get());
  Child child{pid};
  pipe_end.reset();
  writing.reset();
  // Not pidfd_open(): glibc 2.36 declares it without C linkage.
  const UniqueFd process{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  if (!process) return system_error("pidfd_open", errno);

  auto line = follow(reading.get(), process.get(), deadline);
  if (!line) return line.error();
  const auto status = child.wait();
  if (!status) return status.error();
  return ShellOutcome{WIFEXITED(*status) && WEXITSTATUS(*status) == 0, std::move(*line)};
}

}  // namespace samhain::config
