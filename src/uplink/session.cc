#include "uplink/session.h"

#include <algorithm>
#include <array>
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
/// More kinds of failures without a success in between are the work of somebody who fills logs.
constexpr std::size_t kMaxTold = 64;

std::string_view name_of(wire::Type type) {
  constexpr std::array<std::string_view, 18> kNames = {
      "HELLO",   "CHALLENGE", "PROOF",     "ACCEPTED", "REFUSED", "RESUME",
      "RESUMED", "INVALID",   "REPORT",    "ACK",      "GET",     "FILE",
      "CHUNK",   "END",       "UNCHANGED", "NOFILE",   "PUT",     "STORED"};
  return kNames.at(static_cast<std::size_t>(type) - 1);  // the frame was decoded: the type is known
}

}  // namespace

Session::Session(sys::Loop& loop, const base::Clock& clock, spool::Spool& spool,
                 Transport& transport, const Password& password, Settings settings,
                 OnReport on_report)
    : loop_(loop),
      clock_(clock),
      spool_(spool),
      transport_(transport),
      password_(password),
      settings_(std::move(settings)),
      on_report_(std::move(on_report)),
      pause_(settings_.first_pause) {}

Session::~Session() { stop(); }

void Session::wake() {
  if (state_ == State::Idle && !spool_.is_empty()) connect();
  if (state_ == State::Open) pump();
}

void Session::stop() {
  if (state_ == State::Stopped) return;
  if (state_ != State::Idle && state_ != State::Pausing) transport_.close();
  go(State::Stopped);
}

void Session::connect() {
  go(State::Opening);
  arm(settings_.handshake_limit, &Session::on_handshake_late);
  transport_.open();
}

void Session::connect_failed(std::string_view address, std::string_view reason) {
  if (state_ != State::Opening) return;
  arm(settings_.handshake_limit, &Session::on_handshake_late);  // for the next address
  tell_once(report::make_filled(
      report::kConnectFailed, {reason, address}, clock_.now_ns(),
      {{"subroutine", "connect"}, {"service", "export"}, {"host", settings_.server}}));
}

void Session::opened(const srp::ChannelBinding& binding) {
  if (state_ != State::Opening) return;
  binding_ = binding;
  if (agreement_ && clock_.steady() < agreement_->renew_at) return resume();
  greet();
}

void Session::greet() {
  agreement_.reset();
  srp::Speaker speaker{settings_.client_name, settings_.instance_id, spool_.id()};
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
  message.session_id = agreement_->id;
  message.nonce = nonce_;
  message.mac = wire::resume_mac(agreement_->mac, nonce_, binding_);
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
      return fail(name_of(type));
    case State::Proving:
      if (type == Type::Accepted) return take_acceptance(payload);
      return fail(name_of(type));
    case State::Resuming:
      if (type == Type::Resumed) return take_resumption(payload);
      if (type != Type::Invalid) return fail(name_of(type));
      // The server was started anew, or the session's time was up: agree on a new one, no error.
      return greet();
    case State::Open:
      if (type == Type::Ack) return take_acknowledgement(payload);
      return fail(name_of(type));
    case State::Idle:
    case State::Pausing:
    case State::Opening:
    case State::Stopped:
      return;
  }
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
  const auto renewed_after = std::max(lifetime - margin, kShortestSession);
  agreement_.emplace(
      Agreement{accepted->session_id, crypto::Mac{key}, clock_.steady() + renewed_after});
  tell(report::make(report::kSessionKeyNegotiated, clock_.now_ns()));
  begin_talk(accepted->next_seq);
}

void Session::take_resumption(ByteView payload) {
  const auto resumed = wire::decode_resumed(payload);
  if (!resumed) return fail("malformed RESUMED");
  const crypto::Tag right = wire::resumed_mac(agreement_->mac, nonce_, binding_);
  if (!crypto::equal_secrets(right, resumed->mac)) return fail("RESUMED without proof");
  begin_talk(resumed->next_seq);
}

void Session::begin_talk(std::uint64_t next_seq) {
  if (next_seq > spool_.next()) {
    // Numbers that this spool has not given yet: it was put back from an older copy.  The server
    // would drop as known what it has never seen, so nothing is sent; the administrator must
    // decide.
    tell_once(report::make_filled(
        report::kConnectionError,
        {"the server knows later reports of this spool than the spool does"}, clock_.now_ns(),
        {{"expect", std::to_string(spool_.next())}, {"received", std::to_string(next_seq)}}));
    return pause_and_retry();
  }
  go(State::Open);
  in_flight_.clear();
  in_flight_bytes_ = 0;
  if (next_seq > spool_.first()) forget_acknowledged(next_seq - 1);
  next_to_send_ = std::max(next_seq, spool_.first());
  pause_ = settings_.first_pause;
  has_failed_ = false;
  told_.clear();
  last_heard_ = last_active_ = clock_.steady();
  arm_watch();
  if (std::exchange(has_told_service_failure_, false)) {
    tell(report::make(report::kConnectionReestablished, clock_.now_ns(),
                      {{"service", "log server"}}));
  }
  pump();
  progress();
}

void Session::take_acknowledgement(ByteView payload) {
  const auto ack = wire::decode_ack(payload);
  if (!ack) return fail("malformed ACK");
  // Nobody may acknowledge what was not sent: it would be forgotten without ever being logged.
  if (ack->seq >= next_to_send_) return fail("ACK of a report that was not sent");
  if (ack->seq >= spool_.first()) forget_acknowledged(ack->seq);
  while (!in_flight_.empty() && in_flight_.front().seq <= ack->seq) {
    in_flight_bytes_ -= in_flight_.front().size;
    in_flight_.pop_front();
  }
  // Whichever they are: a server that sends all of them with each ACK must not fill the log.
  if (!ack->commands.empty()) {
    tell_once(report::make(report::kUnexpectedReply, clock_.now_ns(), {{"received", "command"}}));
  }
  pump();
  progress();
}

void Session::forget_acknowledged(std::uint64_t seq) {
  if (auto dropped = spool_.drop_through(seq); !dropped) {
    tell_once(report::make_filled(report::kCallFailed, {dropped.error().text()}, clock_.now_ns(),
                                  {{"interface", "spool"}}));
  }
}

bool Session::is_window_full() const {
  return in_flight_.size() >= kMaxInFlight || in_flight_bytes_ >= kMaxInFlightBytes;
}

void Session::pump() {
  if (state_ != State::Open || is_pumping_ || is_window_full()) return;
  if (next_to_send_ == spool_.next()) return;
  is_pumping_ = true;
  // Durable before it is sent: else a power failure could give its number to another report, which
  // the server would take for this one.
  auto done = spool_.flush();
  if (done) {
    done = spool_.read(next_to_send_, [this](std::uint64_t seq, ByteView body) {
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
  message.mac = wire::report_mac(agreement_->mac, agreement_->id, seq, body);
  message.body = body;
  const std::size_t size = body.size() + kReportOverhead;
  in_flight_.push_back(Sent{seq, size});
  in_flight_bytes_ += size;
  last_active_ = clock_.steady();
  transport_.send(wire::Type::Report, wire::encode(message));
}

void Session::closed(std::string_view reason) {
  switch (state_) {
    case State::Idle:
    case State::Pausing:
    case State::Stopped:
      return;
    case State::Opening:
      return pause_and_retry();
    case State::Open:
      // An idle connection may end: the next report opens a new one.
      if (in_flight_.empty()) {
        go(State::Idle);
        return wake();
      }
      tell_once(report::make(report::kPeerReset, clock_.now_ns(), {{"subroutine", "read"}}));
      return pause_and_retry();
    case State::Greeting:
    case State::Proving:
    case State::Resuming:
      tell_once(report::make(report::kPeerReset, clock_.now_ns(), {{"subroutine", "read"}}));
      tell_once(report::make_filled(
          report::kConnectionError, {reason}, clock_.now_ns(),
          {{"port", std::to_string(settings_.port)}, {"subroutine", "read_port"}}));
      return fail("");
  }
}

void Session::fail(std::string_view received) {
  tell_once(
      report::make(report::kInvalidConnectionState, clock_.now_ns(),
                   {{"expect", std::string{expected()}}, {"received", std::string{received}}}));
  // A session that the server refuses is gone; while it is being made there was none yet.
  if (state_ != State::Open) {
    tell_once(report::make(report::kSessionKeyFailed, clock_.now_ns()));
  }
  agreement_.reset();
  client_.reset();
  pause_and_retry();
}

void Session::pause_and_retry() {
  if (state_ == State::Stopped) return;
  transport_.close();
  go(State::Pausing);
  has_failed_ = true;
  if (!std::exchange(has_told_service_failure_, true)) {
    tell(report::make(report::kServiceFailure, clock_.now_ns(),
                      {{"service", "log server"}, {"obj", settings_.server}}));
  }
  arm(pause_, &Session::connect);
  pause_ = std::min(pause_ * 2, settings_.longest_pause);
  progress();
}

void Session::on_handshake_late() {
  if (state_ == State::Opening) {
    connect_failed(settings_.server, "Connection timed out");
    return pause_and_retry();
  }
  fail("nothing in time");
}

void Session::arm_watch() {
  const auto now = clock_.steady();
  const auto due = in_flight_.empty() ? last_active_ + settings_.keep_alive
                                      : last_heard_ + settings_.answer_limit;
  const auto next = std::min(due, agreement_->renew_at);
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  arm(std::max(delay, std::chrono::milliseconds{1}), &Session::on_watch);
}

void Session::on_watch() {
  if (state_ != State::Open) return;
  const auto now = clock_.steady();
  if (now >= agreement_->renew_at) {
    transport_.close();
    agreement_.reset();
    go(State::Idle);
    return wake();
  }
  if (!in_flight_.empty() && now >= last_heard_ + settings_.answer_limit &&
      now >= last_active_ + settings_.answer_limit) {
    tell_once(report::make_filled(
        report::kConnectionError, {"reports are not acknowledged"}, clock_.now_ns(),
        {{"port", std::to_string(settings_.port)}, {"subroutine", "read_port"}}));
    return pause_and_retry();
  }
  if (in_flight_.empty() && now >= last_active_ + settings_.keep_alive) {
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
      return "ACK";
    case State::Idle:
    case State::Pausing:
    case State::Opening:
    case State::Stopped:
      break;
  }
  return "";
}

void Session::tell(Report report) { on_report_(std::move(report)); }

void Session::tell_once(Report report) {
  if (told_.size() >= kMaxTold) return;
  std::string key;
  for (const Field& field : report.fields) key.append(field.value).push_back('\0');
  if (told_.insert(std::move(key)).second) tell(std::move(report));
}

void Session::progress() {
  if (on_progress_) on_progress_();
}

}  // namespace samhain::uplink
