#include "sink/console.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace samhain::sink {
namespace {

/// A pipe that poll(2) calls writable takes this much without blocking (POSIX: at least 512 bytes).
constexpr std::size_t kPiece = 512;

using Clock = std::chrono::steady_clock;

/// Can something be written before `deadline`?
bool can_write(int fd, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd item{fd, POLLOUT, 0};
    const int ready = poll(&item, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready >= 0 || errno != EINTR) return ready == 1;
  }
}

}  // namespace

Result<void> Console::write(const Report& report) {
  if (status_line_ != nullptr) status_line_->erase();
  std::string line = report::line_of(report, layout_);
  line += '\n';
  if (is_torn_) line.insert(line.begin(), '\n');

  const auto deadline = Clock::now() + patience_;
  std::string_view rest = line;
  while (!rest.empty()) {
    if (!can_write(fd_, deadline)) {
      is_torn_ = is_torn_ || rest.size() != line.size();
      return Error{Error::Kind::Busy, "the reader of the console does not read"};
    }
    const ssize_t written = ::write(fd_, rest.data(), std::min(rest.size(), kPiece));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      is_torn_ = is_torn_ || rest.size() != line.size();
      return system_error("write to the console", error);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  is_torn_ = false;
  return {};
}

}  // namespace samhain::sink
