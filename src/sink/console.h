#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "report/form.h"
#include "sink/dispatcher.h"

namespace samhain::sink {

/// Lines on stderr (or, in a daemon, on a console device).  A reader that stops reading costs lines,
/// never the daemon: a write that would block is given up.
class Console final : public Sink {
 public:
  Console(int fd, report::Form form) : fd_(fd), form_(form) {}
  std::string_view service() const override { return "console"; }
  std::string object() const override { return "stderr"; }
  Result<void> write(const Report& report) override;

 private:
  int fd_;
  report::Form form_;
};

}  // namespace samhain::sink
