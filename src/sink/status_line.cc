#include "sink/status_line.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace samhain::sink {
namespace {

/// ECMA-48: to the first column, and EL, erase to the end of the line.
constexpr std::string_view kErase = "\r\033[K";

/// Where the terminal does not say how wide it is.
constexpr std::size_t kUsualWidth = 80;

std::size_t width_of(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return size.ws_col;
}

}  // namespace

bool StatusLine::is_possible() const { return isatty(fd_) == 1 && tcgetpgrp(fd_) == getpgrp(); }

void StatusLine::show(std::string_view text) {
  // The last column stays free: some terminals begin a new line when it is written.
  std::string line{kErase};
  line += text.substr(0, width_of(fd_) - 1);
  if (write(line)) is_shown_ = true;
}

void StatusLine::erase() {
  if (is_shown_ && write(kErase)) is_shown_ = false;
}

bool StatusLine::write(std::string_view bytes) const {
  pollfd item{fd_, POLLOUT, 0};
  if (poll(&item, 1, 0) != 1 || (item.revents & POLLOUT) == 0) return false;
  ssize_t written = 0;
  do {
    written = ::write(fd_, bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(bytes.size());
}

}  // namespace samhain::sink
