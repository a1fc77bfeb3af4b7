#include "tools/locked_reading.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "base/text.h"
#include "sys/file.h"
#include "sys/sandbox.h"

namespace samhain::tools {
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

Result<void> lock_in(const std::optional<sys::Identity>& identity, std::uint64_t max_written) {
  const rlimit seconds{kMaxSeconds, kMaxSeconds};
  [[maybe_unused]] const rlimit memory{kMaxMemory, kMaxMemory};
  if (setrlimit(RLIMIT_CPU, &seconds) != 0) return system_error("RLIMIT_CPU", errno);
#ifndef WITH_SANITIZERS  // they need terabytes of addresses
  if (setrlimit(RLIMIT_AS, &memory) != 0) return system_error("RLIMIT_AS", errno);
#endif
  sys::Confinement confinement;
  confinement.role = "baseline reader";
  confinement.identity = identity;
  confinement.has_empty_root = true;
  confinement.max_file_size = max_written;
  confinement.may_share_user = !identity;
  auto barriers = sys::lock_in(confinement);
  if (!barriers) return barriers.error();
  // Without the filter a broken reader would still be somebody's process: better not to read.
  if (!barriers->seccomp) return Error{Error::Kind::Refused, barriers->text()};
  return {};
}

[[noreturn]] void be_the_child(const Pipe& output, const Pipe& complaints,
                               const std::optional<sys::Identity>& identity, const Reading& reading,
                               std::uint64_t max_written) {
  auto done = lock_in(identity, max_written);
  if (done) {
    std::string pending;
    const auto flush = [&] {
      if (!sys::write_all(output.writer.get(), as_bytes(pending))) _exit(1);
      pending.clear();
    };
    done = reading([&](std::string_view text) {
      pending += text;
      if (pending.size() > kBufferSize) flush();
    });
    flush();
  }
  if (!done) {
    (void)sys::write_all(complaints.writer.get(), as_bytes(done.error().text()));
    _exit(1);
  }
  _exit(0);
}

/// The child's words may be its conqueror's: nothing gets to a terminal that could steer it.
Result<void> pass_on(int from) {
  std::array<char, kBufferSize> buffer{};
  while (true) {
    const ssize_t size = read(from, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("read", errno);
    if (size == 0) break;
    const auto end = buffer.begin() + size;
    std::replace_if(
        buffer.begin(), end, [](char c) { return c != '\n' && (c < ' ' || c > '~'); }, '?');
    if (std::fwrite(buffer.data(), 1, static_cast<std::size_t>(size), stdout) !=
        static_cast<std::size_t>(size)) {
      return system_error("standard output", errno);
    }
  }
  if (std::fflush(stdout) != 0) return system_error("standard output", errno);
  return {};
}

Result<void> verdict(pid_t child, int complaints) {
  const auto said = sys::read_all(complaints, kMaxComplaint);
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

Result<void> read_locked_in(const std::optional<sys::Identity>& identity, const Reading& reading,
                            std::uint64_t max_written) {
  auto output = make_pipe();
  if (!output) return output.error();
  auto complaints = make_pipe();
  if (!complaints) return complaints.error();
  if (std::fflush(stdout) != 0) return system_error("standard output", errno);
  const pid_t child = fork();
  if (child < 0) return system_error("fork", errno);
  if (child == 0) be_the_child(*output, *complaints, identity, reading, max_written);
  output->writer.reset();
  complaints->writer.reset();
  const auto passed = pass_on(output->reader.get());
  output->reader.reset();  // a child that still writes ends
  const auto judged = verdict(child, complaints->reader.get());
  return passed ? judged : passed;
}

}  // namespace samhain::tools
