// Files from the server, among reports and their acknowledgements.

#include <utility>

#include "uplink/session.h"

namespace samhain::uplink {

void Session::get(Wanted wanted, Transfer::OnDone on_done) {
  begin(std::make_unique<Transfer>(std::move(wanted), std::move(on_done)));
}

void Session::put(Offer offer, Upload::OnDone on_done) {
  begin(std::make_unique<Upload>(std::move(offer), std::move(on_done)));
}

void Session::begin(std::unique_ptr<Errand> errand) {
  errands_.push_back(std::move(errand));
  if (state_ == State::Stopped) return fail_files("the session has ended");
  if (state_ == State::Open) return ask_for_file();
  // Somebody waits for it: not as long as a report may.
  if (state_ == State::Idle || state_ == State::Pausing) connect();
}

void Session::ask_for_file() {
  while (state_ == State::Open && !is_asked_ && !errands_.empty()) {
    const auto question = errands_.front()->ask();
    if (!question) {
      conclude_file(question.error().text());
      continue;
    }
    is_asked_ = true;
    last_heard_ = last_active_ = clock_.steady();
    arm_watch();
    transport_.send(question->type, question->payload);
    feed_file();
  }
}

/// Sends as much as may be under way.
void Session::feed_file() {
  while (is_asked_ && state_ == State::Open) {
    const auto frame = errands_.front()->next(server().agreement->file_mac);
    if (!frame) return give_up_file(frame.error());
    if (!*frame) return;
    last_active_ = clock_.steady();
    transport_.send((*frame)->type, (*frame)->payload);
  }
}

void Session::taken(std::size_t chunks) {
  if (!is_asked_ || state_ != State::Open) return;
  last_active_ = clock_.steady();
  errands_.front()->note_taken(chunks);
  feed_file();
}

void Session::take_file_frame(wire::Type type, ByteView payload) {
  last_active_ = last_heard_;
  const auto is_over = errands_.front()->take(type, payload, server().agreement->file_mac);
  if (is_over && !*is_over) return;
  if (is_over) return end_file({});
  using Kind = Error::Kind;
  const Error& error = is_over.error();
  if (error.kind == Kind::Malformed || error.kind == Kind::Refused) return fail(error.what);
  give_up_file(error);
}

/// It cannot be had or sent, but the server goes on with it.
void Session::give_up_file(const Error& error) {
  transport_.close();
  go(State::Idle);
  is_asked_ = false;
  conclude_file(error.text());
  wake();
}

/// The one under way is over; with a reason: it failed.
void Session::end_file(std::string_view failure) {
  is_asked_ = false;
  conclude_file(failure);
  if (state_ == State::Open) ask_for_file();
}

void Session::conclude_file(std::string_view failure) {
  verdicts_.push_back({std::move(errands_.front()), std::string{failure}});
  errands_.pop_front();
  if (verdict_timer_ == 0) verdict_timer_ = loop_.soon([this] { tell_verdicts(); });
}

void Session::tell_verdicts() {
  verdict_timer_ = 0;
  // Whoever is told may ask for more, and may destroy us.
  for (auto verdicts = std::exchange(verdicts_, {}); Verdict & verdict : verdicts) {
    verdict.errand->finish(verdict.failure);
  }
}

/// The connection is gone: the file is asked for again over the next one, but not for ever.
void Session::break_off_file() {
  if (!std::exchange(is_asked_, false)) return;
  if (errands_.front()->tries() >= kMaxTries) end_file("broken off again and again");
}

void Session::fail_files(std::string_view reason) {
  while (!errands_.empty()) end_file(reason);
}

}  // namespace samhain::uplink
