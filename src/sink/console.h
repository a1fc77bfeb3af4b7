#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "report/form.h"
#include "sink/dispatcher.h"
#include "sink/status_line.h"

namespace samhain::sink {

/// Lines on stderr (or, in a daemon, on a console device).  A reader that stops reading costs
/// lines, never the daemon: a write that would block is given up, at once or, for a run that
/// somebody watches, after `patience` for each line.  The program must ignore SIGPIPE.
class Console final : public Sink {
 public:
  /// `status_line`, borrowed: where the same terminal shows one; it is erased before each line.
  Console(int fd, report::Layout layout, std::chrono::milliseconds patience = {},
          StatusLine* status_line = nullptr)
      : fd_(fd), layout_(std::move(layout)), patience_(patience), status_line_(status_line) {}
  std::string_view service() const override { return "console"; }
  std::string object() const override { return "stderr"; }
  /// Errors: Busy (the reader does not read; the line, or the rest of it, is lost), System.
  Result<void> write(const Report& report) override;

 private:
  int fd_;
  report::Layout layout_;
  std::chrono::milliseconds patience_;
  StatusLine* status_line_;
  bool is_torn_ = false;  ///< the last line was given up half-way: the next one starts afresh
};

}  // namespace samhain::sink
