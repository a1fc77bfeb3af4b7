// Which server: the first as long as it answers, the second while it does not.

#include <algorithm>
#include <utility>

#include "report/catalog.h"
#include "uplink/session.h"

namespace samhain::uplink {

void Session::connect() {
  // The first is the one that is wanted, but one that just failed would delay each report anew.
  if (clock_.steady() >= avoid_first_until_) current_ = 0;
  open_connection();
}

std::chrono::milliseconds Session::connect_limit() const {
  return is_returning_ ? settings_.return_limit : settings_.handshake_limit;
}

/// A server that is only started anew is back in a moment; one that stays away is asked less often.
void Session::note_first_failed() {
  avoid_first_until_ = clock_.steady() + return_pause_;
  return_pause_ = std::min(return_pause_ * 2, settings_.return_pause);
}

/// The second server's session is kept: if the first still does not answer, it is resumed.  What
/// the second has not acknowledged yet would be logged by both: it is waited for, and gets no more.
bool Session::try_first_again() {
  is_return_due_ = is_waiting();
  if (is_return_due_) {
    avoid_first_until_ = clock_.steady() + settings_.first_pause;
    return false;
  }
  transport_.close();
  is_returning_ = true;
  current_ = 0;
  open_connection();
  return true;
}

void Session::pause_and_retry() {
  if (state_ == State::Stopped) return;
  const bool was_open = state_ == State::Open;
  transport_.close();
  go(State::Pausing);
  break_off_file();
  // A connection that breaks says little: the same server may be back in a moment.
  if (!was_open && servers_.size() > 1) {
    if (current_ == 0) note_first_failed();
    if (++failed_in_turn_ < servers_.size()) return give_way();
    avoid_first_until_ = {};
  }
  failed_in_turn_ = 0;
  is_returning_ = false;
  has_failed_ = true;
  // Who waits for a file is told by its verdict.
  if (errands_.empty() && !std::exchange(has_told_service_failure_, true)) {
    tell(report::make(report::kServiceFailure, clock_.now_ns(),
                      {{"service", "log server"}, {"obj", server().host}}));
  }
  if (!was_open) fail_files("the server cannot be reached");
  arm(pause_, &Session::retry);
  pause_ = std::min(pause_ * 2, settings_.longest_pause);
  progress();
}

void Session::retry() {
  go(State::Idle);
  wake();
}

/// This server failed: to the other one, at once.
void Session::give_way() {
  server().is_left = current_ == 0;
  is_returning_ = false;
  current_ = 1 - current_;
  open_connection();
}

}  // namespace samhain::uplink
