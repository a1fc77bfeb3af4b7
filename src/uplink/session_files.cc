// Files from the server, among reports and their acknowledgements.

#include <utility>

#include "uplink/session.h"

namespace samhain::uplink {

void Session::get(Wanted wanted, Transfer::OnDone on_done) {
  transfers_.emplace_back(std::move(wanted), std::move(on_done));
  if (state_ == State::Stopped) return fail_files("the session has ended");
  if (state_ == State::Open) return ask_for_file();
  // Somebody waits for it: not as long as a report may.
  if (state_ == State::Idle || state_ == State::Pausing) connect();
}

void Session::ask_for_file() {
  while (!is_asked_ && !transfers_.empty()) {
    const auto question = transfers_.front().ask();
    if (!question) {
      conclude_file(question.error().text());
      continue;
    }
    is_asked_ = true;
    last_heard_ = last_active_ = clock_.steady();
    arm_watch();
    transport_.send(wire::Type::Get, *question);
  }
}

void Session::take_file_frame(wire::Type type, ByteView payload) {
  last_active_ = last_heard_;
  const auto is_over = transfers_.front().take(type, payload, server().agreement->file_mac);
  if (is_over && !*is_over) return;
  if (is_over) return end_file({});
  using Kind = Error::Kind;
  const Error& error = is_over.error();
  if (error.kind == Kind::Malformed || error.kind == Kind::Refused) return fail(error.what);
  // It cannot be had, but the server goes on sending it.
  transport_.close();
  go(State::Idle);
  end_file(error.text());
  wake();
}

/// The one under way is over; with a reason: it failed.
void Session::end_file(std::string_view failure) {
  is_asked_ = false;
  conclude_file(failure);
  if (state_ == State::Open) ask_for_file();
}

void Session::conclude_file(std::string_view failure) {
  verdicts_.push_back({std::move(transfers_.front()), std::string{failure}});
  transfers_.pop_front();
  if (verdict_timer_ == 0) verdict_timer_ = loop_.soon([this] { tell_verdicts(); });
}

void Session::tell_verdicts() {
  verdict_timer_ = 0;
  // Whoever is told may ask for more, and may destroy us.
  for (auto verdicts = std::exchange(verdicts_, {}); Verdict & verdict : verdicts) {
    verdict.transfer.finish(verdict.failure);
  }
}

/// The connection is gone: the file is asked for again over the next one, but not for ever.
void Session::break_off_file() {
  if (!std::exchange(is_asked_, false)) return;
  if (transfers_.front().tries() >= kMaxTries) end_file("broken off again and again");
}

void Session::fail_files(std::string_view reason) {
  while (!transfers_.empty()) end_file(reason);
}

}  // namespace samhain::uplink
