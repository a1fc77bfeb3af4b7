#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/status.h"
#include "base/clock.h"
#include "samhain/report.h"
#include "scan/scan.h"
#include "sink/status_line.h"
#include "sys/loop.h"

namespace samhain::agent {

/// Says where a scan is while it runs: as the last line of a terminal, else by a line a minute; and
/// in the status file, with what came of the last one and when the next begins.
class Progress {
 public:
  struct Source {
    std::function<scan::Summary()> so_far;
    std::function<std::uint64_t()> expected;  ///< objects in the baseline; asked once a scan
    std::function<bool()> is_asking;          ///< does the terminal belong to a question?
    std::function<void(Report&&)> tell;
  };
  struct Intervals {
    std::chrono::milliseconds tick{1'000};
    std::chrono::milliseconds line{60'000};
  };

  /// Borrows `loop`, `clock` and `line`.
  Progress(sys::Loop& loop, const base::Clock& clock, sink::StatusLine& line, Source source)
      : Progress(loop, clock, line, std::move(source), Intervals{}) {}
  Progress(sys::Loop& loop, const base::Clock& clock, sink::StatusLine& line, Source source,
           Intervals intervals);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Without it nothing is written.  Another samhain that has the file keeps it (Busy).
  /// Errors: those of StatusFile::open().
  Result<void> open(const std::string& path);
  bool has_file() const { return file_.has_value(); }
  /// The scan that was under way when our predecessor ended.
  std::optional<ScanState> cut_off() const;

  void begin(Action action, bool is_silent);
  /// Not called for a scan that our own end cuts off: the file then says that it was under way.
  void end(Outcome outcome, const scan::Summary& summary);
  void plan(std::int64_t next_ns);  ///< 0: no scan is planned
  void suspend(bool is_suspended);
  void last_word();  ///< where the scan is when we end

 private:
  void tick();
  void look();
  void write(bool is_durable);

  sys::Loop& loop_;
  const base::Clock& clock_;
  sink::StatusLine& line_;
  Source source_;
  Intervals intervals_;
  std::optional<StatusFile> file_;
  Status status_;
  bool is_silent_ = false;
  bool is_marked_ = false;  ///< the disk has it that a scan is under way
  bool has_told_failure_ = false;
  std::chrono::steady_clock::time_point last_line_;
  sys::Loop::Timer timer_ = 0;
};

}  // namespace samhain::agent
