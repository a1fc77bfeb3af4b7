#include "uplink/session.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "crypto/random.h"
#include "report/catalog.h"

namespace samhain::uplink {

namespace {

/// What may be under way to the server before it acknowledges.
constexpr std::size_t kMaxInFlight = 4096;
constexpr std::size_t kMaxInFlightBytes = 1U << 20;
/// A report's frame besides its body: type, number, MAC, length.
constexpr std::size_t kReportOverhead = 1 + 8 + 32 + 4;
/// A session is renewed before the server forgets it, so that nobody sees an error every two hours.
constexpr std::chrono::seconds kRenewMargin{30};
/// Whatever lifetime a server gives: it must not have us authenticate without pause.
constexpr std::chrono::seconds kShortestSession{1};
/// The original's name for the place, which its troubleshooting guide tells people to look for.
constexpr const char* kReadSubroutine = "sh_write_select (r)";
/// More kinds of failures without a success in between are the work of somebody who fills logs.
constexpr std::size_t kMaxTold = 64;

std::string_view name_of(wire::Type type) {
  constexpr std::array<std::string_view, 18> kNames = {
      "HELLO",   "CHALLENGE", "PROOF",     "ACCEPTED", "REFUSED", "RESUME",
      "RESUMED", "INVALID",   "REPORT",    "ACK",      "GET",     "FILE",
      "CHUNK",   "END",       "UNCHANGED", "NOFILE",   "PUT",     "STORED"};
  return kNames.at(static_cast<std::size_t>(type) - 1);  // the frame was decoded: the type is known
}

wire::Id spool_id_for(const Session::Settings& settings, const spool::Spool* spool) {
  if (settings.is_visitor) return wire::kNoSpool;
  return spool == nullptr ? crypto::random_array<16>() : spool->id();
}

}  // namespace

Session::Session(sys::Loop& loop, const base::Clock& clock, spool::Spool* spool,
                 Transport& transport, const Password& password, Settings settings,
                 OnReport on_report)
    : loop_(loop),
      clock_(clock),
      spool_(spool),
      transport_(transport),
      password_(password),
      settings_(std::move(settings)),
      on_report_(std::move(on_report)),
      spool_id_(spool_id_for(settings_, spool)),
      pause_(settings_.first_pause),
      return_pause_(settings_.first_return) {
  servers_.push_back({settings_.server, {}, {}});
  if (!settings_.second_server.empty()) servers_.push_back({settings_.second_server, {}, {}});
}

Session::~Session() {
  stop();
  if (verdict_timer_ != 0) loop_.cancel(verdict_timer_);
}

void Session::wake() {
  if (state_ == State::Idle && (has_reports() || !errands_.empty())) connect();
  if (state_ == State::Open) pump();
}

void Session::stop() {
  if (state_ == State::Stopped) return;
  if (state_ != State::Idle && state_ != State::Pausing) transport_.close();
  go(State::Stopped);
}

void Session::open_connection() {
  go(State::Opening);
  arm(connect_limit(), &Session::on_handshake_late);
  transport_.open(current_);
}

void Session::connect_failed(std::string_view address, std::string_view reason) {
  if (state_ != State::Opening) return;
  if (!is_returning_) arm(settings_.handshake_limit, &Session::on_handshake_late);  // the next one
  tell_once(report::make_filled(
      report::kConnectFailed, {reason, address}, clock_.now_ns(),
      {{"subroutine", "connect"}, {"service", "export"}, {"host", server().host}}));
}

void Session::opened(const srp::ChannelBinding& binding) {
  if (state_ != State::Opening) return;
  binding_ = binding;
  if (on_step_) on_step_({Step::Kind::Secured});
  if (server().agreement && clock_.steady() < server().agreement->renew_at) return resume();
  greet();
}

void Session::greet() {
  server().agreement.reset();
  srp::Speaker speaker{settings_.client_name, settings_.instance_id, spool_id_};
  client_.emplace(speaker);
  wire::Hello hello;
  hello.speaker = std::move(speaker);
  hello.a_public = client_->a_public();
  go(State::Greeting);
  arm(settings_.handshake_limit, &Session::on_handshake_late);
  transport_.send(wire::Type::Hello, wire::encode(hello));
}

void Session::resume() {
  nonce_ = crypto::random_array<16>();
  wire::Resume message;
  message.session_id = server().agreement->id;
  message.nonce = nonce_;
  message.mac = wire::resume_mac(server().agreement->mac, nonce_, binding_);
  go(State::Resuming);
  arm(settings_.handshake_limit, &Session::on_handshake_late);
  transport_.send(wire::Type::Resume, wire::encode(message));
}

void Session::received(wire::Type type, ByteView payload) {
  last_heard_ = clock_.steady();
  using wire::Type;
  switch (state_) {
    case State::Greeting:
      if (type == Type::Challenge) return take_challenge(payload);
      note_refusal(type, payload);
      return fail(name_of(type));
    case State::Proving:
      if (type == Type::Accepted) return take_acceptance(payload);
      note_refusal(type, payload);
      return fail(name_of(type));
    case State::Resuming:
      if (type == Type::Resumed) return take_resumption(payload);
      if (type != Type::Invalid) return fail(name_of(type));
      // The server was started anew, or the session's time was up: agree on a new one, no error.
      return greet();
    case State::Open:
      if (type == Type::Ack) return take_acknowledgement(payload);
      if (is_asked_) return take_file_frame(type, payload);
      return fail(name_of(type));
    case State::Idle:
    case State::Pausing:
    case State::Opening:
    case State::Stopped:
      return;
  }
}

void Session::note_refusal(wire::Type type, ByteView payload) const {
  if (!on_step_ || type != wire::Type::Refused) return;
  const auto refused = wire::decode_refused(payload);
  if (refused) on_step_({Step::Kind::Refused, refused->client_name, refused->reason});
}

void Session::take_challenge(ByteView payload) {
  const auto challenge = wire::decode_challenge(payload);
  if (!challenge) return fail("malformed CHALLENGE");
  const auto m1 = client_->prove(password_.text(), challenge->salt, challenge->b_public, binding_);
  if (!m1) return fail("CHALLENGE with a forbidden number");
  go(State::Proving);
  arm(settings_.handshake_limit, &Session::on_handshake_late);
  transport_.send(wire::Type::Proof, wire::encode(wire::Proof{*m1}));
}

void Session::take_acceptance(ByteView payload) {
  const auto accepted = wire::decode_accepted(payload);
  if (!accepted) return fail("malformed ACCEPTED");
  // The server must know the verifier: else somebody poses as it.
  if (!client_->is_server_proof(accepted->m2)) return fail("ACCEPTED without proof");
  if (accepted->max_frame < wire::kMaxMember) return fail("ACCEPTED with too small frames");

  const srp::SessionKey agreed = client_->take_key();
  client_.reset();
  const std::chrono::seconds lifetime{accepted->lifetime_s};
  const auto margin = std::min<std::chrono::seconds>(kRenewMargin, lifetime / 10);
  const crypto::Key key = wire::report_key(agreed, accepted->session_id);
  const crypto::Key file_key = wire::file_key(agreed, accepted->session_id);
  const auto renewed_after = std::max(lifetime - margin, kShortestSession);
  server().agreement.emplace(Agreement{accepted->session_id, crypto::Mac{key},
                                       crypto::Mac{file_key}, clock_.steady() + renewed_after});
  known_as_ = accepted->client_name;
  if (on_step_) on_step_({Step::Kind::Accepted, accepted->client_name});
  tell(report::make(report::kSessionKeyNegotiated, clock_.now_ns()));
  begin_talk(accepted->next_seq);
}

void Session::take_resumption(ByteView payload) {
  const auto resumed = wire::decode_resumed(payload);
  if (!resumed) return fail("malformed RESUMED");
  const crypto::Tag right = wire::resumed_mac(server().agreement->mac, nonce_, binding_);
  if (!crypto::equal_secrets(right, resumed->mac)) return fail("RESUMED without proof");
  begin_talk(resumed->next_seq);
}

void Session::begin_talk(std::uint64_t next_seq) {
  if (spool_ != nullptr && next_seq > spool_->next()) {
    // Numbers that this spool has not given yet: it was put back from an older copy.  The server
    // would drop as known what it has never seen, so nothing is sent; the administrator must
    // decide.
    tell_once(report::make_filled(
        report::kConnectionError,
        {"the server knows later reports of this spool than the spool does"}, clock_.now_ns(),
        {{"expect", std::to_string(spool_->next())}, {"received", std::to_string(next_seq)}}));
    return pause_and_retry();
  }
  go(State::Open);
  in_flight_.clear();
  in_flight_bytes_ = 0;
  const std::uint64_t first = spool_ == nullptr ? 1 : spool_->first();
  if (next_seq > first) forget_acknowledged(next_seq - 1);
  next_to_send_ = std::max(next_seq, first);
  pause_ = settings_.first_pause;
  has_failed_ = false;
  is_returning_ = is_return_due_ = false;
  failed_in_turn_ = 0;
  if (current_ == 0) return_pause_ = settings_.first_return;
  server().told.clear();
  last_heard_ = last_active_ = clock_.steady();
  arm_watch();
  const bool is_back = std::exchange(server().is_left, false);
  if (std::exchange(has_told_service_failure_, false) || is_back) {
    tell(report::make(report::kConnectionReestablished, clock_.now_ns(),
                      {{"service", "log server"}}));
  }
  ask_for_file();
  pump();
  progress();
}

void Session::take_acknowledgement(ByteView payload) {
  const auto ack = wire::decode_ack(payload);
  if (!ack) return fail("malformed ACK");
  // Nobody may acknowledge what was not sent: it would be forgotten without ever being logged.
  if (ack->seq >= next_to_send_) return fail("ACK of a report that was not sent");
  if (spool_ != nullptr && ack->seq >= spool_->first()) forget_acknowledged(ack->seq);
  while (!in_flight_.empty() && in_flight_.front().seq <= ack->seq) {
    in_flight_bytes_ -= in_flight_.front().size;
    in_flight_.pop_front();
  }
  if (!ack->commands.empty()) {
    Agreement& agreement = *server().agreement;
    const crypto::Tag right = wire::commands_mac(agreement.mac, agreement.id, ack->commands);
    if (!crypto::equal_secrets(right, ack->mac)) return fail("ACK with commands without proof");
    if (on_commands_) {
      on_commands_(ack->commands);
    } else {
      // Whichever they are: a server that sends all of them with each ACK must not fill the log.
      tell_once(report::make(report::kUnexpectedReply, clock_.now_ns(), {{"received", "command"}}));
    }
  }
  if (is_return_due_ && try_first_again()) return progress();
  pump();
  progress();
}

void Session::forget_acknowledged(std::uint64_t seq) {
  if (spool_ == nullptr) return;
  if (auto dropped = spool_->drop_through(seq); !dropped) {
    tell_once(report::make_filled(report::kCallFailed, {dropped.error().text()}, clock_.now_ns(),
                                  {{"interface", "spool"}}));
  }
}

bool Session::is_window_full() const {
  return in_flight_.size() >= kMaxInFlight || in_flight_bytes_ >= kMaxInFlightBytes;
}

void Session::pump() {
  if (state_ != State::Open || spool_ == nullptr) return;
  if (is_pumping_ || is_return_due_ || is_window_full()) return;
  if (next_to_send_ == spool_->next()) return;
  is_pumping_ = true;
  // Durable before it is sent: else a power failure could give its number to another report, which
  // the server would take for this one.
  auto done = spool_->flush();
  if (done) {
    done = spool_->read(next_to_send_, [this](std::uint64_t seq, ByteView body) {
      next_to_send_ = seq + 1;
      if (!body.empty()) send_report(seq, body);
      return !is_window_full();
    });
  }
  is_pumping_ = false;
  if (done) return;
  tell_once(report::make_filled(report::kCallFailed, {done.error().text()}, clock_.now_ns(),
                                {{"interface", "spool"}}));
  pause_and_retry();
}

void Session::send_report(std::uint64_t seq, ByteView body) {
  wire::Report message;
  message.seq = seq;
  message.mac = wire::report_mac(server().agreement->mac, server().agreement->id, seq, body);
  message.body = body;
  const std::size_t size = body.size() + kReportOverhead;
  in_flight_.push_back(Sent{seq, size});
  in_flight_bytes_ += size;
  last_active_ = clock_.steady();
  transport_.send(wire::Type::Report, wire::encode(message));
}

void Session::unreachable() {
  if (state_ == State::Opening) pause_and_retry();
}

void Session::closed(std::string_view reason) {
  switch (state_) {
    case State::Idle:
    case State::Pausing:
    case State::Stopped:
      return;
    case State::Open:
      // An idle connection may end: the next report opens a new one.
      if (!is_waiting()) {
        go(State::Idle);
        return wake();
      }
      tell_once(
          report::make(report::kPeerReset, clock_.now_ns(), {{"subroutine", kReadSubroutine}}));
      return pause_and_retry();
    case State::Opening:  // TLS does not stand yet: libwrap's refusal looks like this
    case State::Greeting:
    case State::Proving:
    case State::Resuming:
      tell_lost(reason);
      return fail("");
  }
}

/// A connection that was ended before its answer; other reasons than that are no reset.
void Session::tell_lost(std::string_view reason) {
  if (reason == report::kPeerReset.message) {
    tell_once(report::make(report::kPeerReset, clock_.now_ns(), {{"subroutine", kReadSubroutine}}));
  }
  tell_once(
      report::make_filled(report::kConnectionError, {reason}, clock_.now_ns(),
                          {{"port", std::to_string(settings_.port)}, {"subroutine", "read_port"}}));
}

void Session::fail(std::string_view received) {
  tell_once(
      report::make(report::kInvalidConnectionState, clock_.now_ns(),
                   {{"expect", std::string{expected()}}, {"received", std::string{received}}}));
  // A session that the server refuses is gone; while it is being made there was none yet.
  if (state_ != State::Open) {
    tell_once(report::make(report::kSessionKeyFailed, clock_.now_ns()));
  } else {
    tell_once(report::make(report::kUnexpectedReply, clock_.now_ns()));
    tell_lost(strerror(EIO));
  }
  server().agreement.reset();
  client_.reset();
  pause_and_retry();
}

void Session::on_handshake_late() {
  if (state_ == State::Opening) {
    connect_failed(server().host, "Connection timed out");
    return pause_and_retry();
  }
  fail("nothing in time");
}

void Session::arm_watch() {
  const auto now = clock_.steady();
  const auto due =
      is_waiting() ? last_heard_ + settings_.answer_limit : last_active_ + settings_.keep_alive;
  auto next = std::min(due, server().agreement->renew_at);
  if (current_ != 0) next = std::min(next, avoid_first_until_);
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  arm(std::max(delay, std::chrono::milliseconds{1}), &Session::on_watch);
}

void Session::on_watch() {
  if (state_ != State::Open) return;
  const auto now = clock_.steady();
  if (now >= server().agreement->renew_at && !is_asked_) {
    transport_.close();
    server().agreement.reset();
    go(State::Idle);
    return wake();
  }
  if (current_ != 0 && now >= avoid_first_until_ && try_first_again()) return;
  if (is_waiting() && now >= last_heard_ + settings_.answer_limit &&
      now >= last_active_ + settings_.answer_limit) {
    tell_once(report::make_filled(
        report::kConnectionError,
        {is_asked_ ? errands_.front()->lateness() : "reports are not acknowledged"},
        clock_.now_ns(), {{"port", std::to_string(settings_.port)}, {"subroutine", "read_port"}}));
    return pause_and_retry();
  }
  if (!is_waiting() && now >= last_active_ + settings_.keep_alive) {
    transport_.close();
    return go(State::Idle);
  }
  arm_watch();
}

void Session::go(State state) {
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  state_ = state;
}

void Session::arm(std::chrono::milliseconds delay, void (Session::*handler)()) {
  if (timer_) loop_.cancel(*timer_);
  timer_ = loop_.after(delay, [this, handler] {
    timer_.reset();
    (this->*handler)();
  });
}

std::string_view Session::expected() const {
  switch (state_) {
    case State::Greeting:
      return "CHALLENGE";
    case State::Proving:
      return "ACCEPTED";
    case State::Resuming:
      return "RESUMED";
    case State::Open:
      return is_asked_ ? errands_.front()->expected() : "ACK";
    case State::Opening:
      return "TLS";
    case State::Idle:
    case State::Pausing:
    case State::Stopped:
      break;
  }
  return "";
}

void Session::tell(Report report) { on_report_(std::move(report)); }

void Session::tell_once(Report report) {
  std::set<std::string>& told = server().told;
  if (told.size() >= kMaxTold) return;
  std::string key;
  for (const Field& field : report.fields) key.append(field.value).push_back('\0');
  if (told.insert(std::move(key)).second) tell(std::move(report));
}

void Session::progress() {
  if (on_progress_) on_progress_();
}

}  // namespace samhain::uplink
