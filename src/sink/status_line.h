#pragma once

#include <string>
#include <string_view>

namespace samhain::sink {

/// The last line of a terminal, drawn over again and again while something is under way.  Whoever
/// prints below it erases it before; it comes back when it is shown the next time.  Never waits: a
/// terminal that is stopped (^S) shows an old line.
class StatusLine {
 public:
  explicit StatusLine(int fd) : fd_(fd) {}

  /// `fd` is a terminal, and we are what runs in its foreground: elsewhere nobody wants one.
  bool is_possible() const;
  void show(std::string_view text);  ///< cut to the terminal's width; printable ASCII
  void erase();

 private:
  bool write(std::string_view bytes) const;

  int fd_;
  bool is_shown_ = false;
};

}  // namespace samhain::sink
