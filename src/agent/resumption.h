#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/clock.h"
#include "samhain/facts.h"
#include "samhain/result.h"
#include "scan/resume.h"
#include "sys/loop.h"

namespace samhain::agent {

/// Keeps the memory of a check on the disk while it runs, for the next process (ResumeScan): at
/// most once a second, and when the check is cut off.
class Resumption {
 public:
  struct Hooks {
    /// What was told must be safe before the memory says that it was.
    std::function<void()> flush;
    std::function<void(const Error&)> on_failure;  ///< once, until a success
  };
  /// Borrows `loop` and `clock`.
  Resumption(sys::Loop& loop, const base::Clock& clock, Hooks hooks)
      : loop_(loop), clock_(clock), hooks_(std::move(hooks)) {}
  ~Resumption() { loop_.cancel(timer_); }
  Resumption(const Resumption&) = delete;
  Resumption& operator=(const Resumption&) = delete;

  /// For one check; goes on with what a predecessor left at `path`, if this is the first check of
  /// this process and `identity` is the same.
  scan::Resume& begin(const std::string& path, const Digest& identity);
  void end();   ///< the check is complete, or was given up: nothing is left to go on with
  void stop();  ///< we end in the middle of it

 private:
  void load(const Digest& identity);
  void plan();
  void save();

  sys::Loop& loop_;
  const base::Clock& clock_;
  Hooks hooks_;
  scan::Resume resume_;
  std::string path_;
  bool is_running_ = false;
  bool is_first_ = true;
  bool has_told_failure_ = false;
  sys::Loop::Timer timer_ = 0;
};

}  // namespace samhain::agent
