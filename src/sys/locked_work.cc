#include "sys/locked_work.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/text.h"
#include "sys/file.h"
#include "sys/sandbox.h"

namespace samhain::sys {
namespace {

constexpr rlim_t kMaxSeconds = 600;
[[maybe_unused]] constexpr rlim_t kMaxMemory = rlim_t{8} << 30;
constexpr std::size_t kMaxComplaint = 4'096;
constexpr std::size_t kBufferSize = 64U << 10;

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("pipe2", errno);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<void> lock_in(const LockedWorker& worker) {
  const rlimit seconds{kMaxSeconds, kMaxSeconds};
  [[maybe_unused]] const rlimit memory{kMaxMemory, kMaxMemory};
  if (setrlimit(RLIMIT_CPU, &seconds) != 0) return system_error("RLIMIT_CPU", errno);
#ifndef WITH_SANITIZERS  // they need terabytes of addresses
  if (setrlimit(RLIMIT_AS, &memory) != 0) return system_error("RLIMIT_AS", errno);
#endif
  Confinement confinement;
  confinement.role = worker.role;
  confinement.identity = worker.identity;
  confinement.has_empty_root = true;
  confinement.max_file_size = worker.max_written;
  confinement.may_share_user = !worker.identity;
  auto barriers = sys::lock_in(confinement);
  if (!barriers) return barriers.error();
  // Without the filter a broken reader would still be somebody's process: better not to read.
  if (!barriers->seccomp) return Error{Error::Kind::Refused, barriers->text()};
  return {};
}

[[noreturn]] void be_the_child(const Pipe& output, const Pipe& complaints,
                               const LockedWorker& worker, const LockedWork& work) {
  auto done = lock_in(worker);
  if (done) {
    std::string pending;
    const auto flush = [&] {
      if (!write_all(output.writer.get(), as_bytes(pending))) _exit(1);
      pending.clear();
    };
    done = work([&](std::string_view text) {
      pending += text;
      if (pending.size() > kBufferSize) flush();
    });
    flush();
  }
  if (!done) {
    (void)write_all(complaints.writer.get(), as_bytes(done.error().text()));
    _exit(1);
  }
  _exit(0);
}

Result<void> pass_on(int from, const TakeOutput& take) {
  std::array<char, kBufferSize> buffer{};
  while (true) {
    const ssize_t size = read(from, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("read", errno);
    if (size == 0) return {};
    if (auto taken = take(std::span{buffer}.first(static_cast<std::size_t>(size))); !taken) {
      return taken;
    }
  }
}

Result<void> verdict(pid_t child, int complaints) {
  const auto said = read_all(complaints, kMaxComplaint);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return system_error("waitpid", errno);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (said && !said->empty()) {
    return Error{Error::Kind::Malformed, base::printable(as_text(*said))};
  }
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return Error{Error::Kind::Refused,
               fmt::format("its reader was ended by signal {}: do not trust it", signal)};
}

}  // namespace

Result<void> work_locked_in(const LockedWorker& worker, const LockedWork& work,
                            const TakeOutput& take) {
  auto output = make_pipe();
  if (!output) return output.error();
  auto complaints = make_pipe();
  if (!complaints) return complaints.error();
  const pid_t child = fork();
  if (child < 0) return system_error("fork", errno);
  if (child == 0) be_the_child(*output, *complaints, worker, work);
  output->writer.reset();
  complaints->writer.reset();
  const auto passed = pass_on(output->reader.get(), take);
  output->reader.reset();  // a child that still writes ends
  const auto judged = verdict(child, complaints->reader.get());
  return passed ? judged : passed;
}

}  // namespace samhain::sys
