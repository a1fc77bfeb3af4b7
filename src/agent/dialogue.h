#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "samhain/result.h"
#include "scan/acceptance.h"
#include "sys/loop.h"

namespace samhain::agent {

/// Asks on a terminal about each question of an update: `Update PATH [Y/n] ? ` on stderr, the
/// answer from stdin, of whose line the first letter counts.  Driven by the loop, so that a signal
/// ends it at any time.
class Dialogue {
 public:
  /// Errors: Refused (stdin was closed before the last answer), System.
  using OnDone = std::function<void(Result<void>)>;

  /// Borrows `loop` and `acceptance`.
  Dialogue(sys::Loop& loop, scan::Acceptance& acceptance, OnDone on_done)
      : loop_(loop), acceptance_(acceptance), on_done_(std::move(on_done)) {}
  ~Dialogue();
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  Result<void> begin();

 private:
  void read();
  void take(char first);
  void ask();
  void end(Result<void> result);

  sys::Loop& loop_;
  scan::Acceptance& acceptance_;
  OnDone on_done_;
  std::string input_;
  std::size_t next_ = 0;  ///< the question that is open
  bool is_watching_ = false;
};

}  // namespace samhain::agent
