#include "sys/forked.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "sys/file.h"

namespace samhain::sys {
namespace {

constexpr int kResult = 3;
constexpr int kNiceness = 10;

/// No socket stays open, and no lock held, because we are slow.
[[noreturn]] void do_work(const std::function<Bytes()>& work, int result) {
  const bool is_alone = (result == kResult || dup2(result, kResult) == kResult) &&
                        close_range(kResult + 1, ~0U, 0) == 0;
  (void)setpriority(PRIO_PROCESS, 0, kNiceness);
  _exit(is_alone && write_all(kResult, work()) ? 0 : 1);
}

}  // namespace

Result<Forked> fork_work(const std::function<Bytes()>& work) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("pipe2", errno);
  UniqueFd reading{ends[0]};
  const UniqueFd writing{ends[1]};
  const pid_t pid = fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) do_work(work, writing.get());
  return Forked{pid, std::move(reading)};
}

Bytes collect(Forked forked, std::chrono::milliseconds patience) {
  pollfd ready{forked.result.get(), POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(patience.count())) != 1) kill(forked.pid, SIGKILL);
  auto bytes = read_all(forked.result.get(), PIPE_BUF);
  while (waitpid(forked.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return bytes ? std::move(*bytes) : Bytes{};
}

}  // namespace samhain::sys
