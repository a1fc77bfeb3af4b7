#include "member.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "crypto/bignum.h"
#include "crypto/random.h"
#include "srp/arithmetic.h"
#include "srp/group.h"

namespace samhain::bench {
namespace {

constexpr std::size_t kReadSize = 16'384;
constexpr std::size_t kMaxUnwritten = 256 * 1024;

/// a of this client: small, but never the same twice.
crypto::BigNumber small_exponent() { return crypto::from_bytes(crypto::random_array<8>()); }

template <class T>
T must(Result<T> result, const char* what) {
  if (!result) give_up(fmt::format("{}: {}", what, result.error().text()));
  return std::move(*result);
}

}  // namespace

void give_up(const std::string& why) {
  fmt::print(stderr, "server_load: {}\n", why);
  std::exit(1);
}

Member::Member(sys::Loop& loop, const wire::TlsContext& tls, const sys::Address& server,
               unsigned number, const Events& events)
    : loop_(loop), tls_(tls), server_(server), number_(number), events_(events) {
  speaker_.name = fmt::format("load{}.bench.test", number);
  speaker_.instance_id = crypto::random_array<16>();
  speaker_.spool_id = crypto::random_array<16>();
}

Member::~Member() { hang_up(); }

void Member::hang_up() {
  if (!stream_) return;
  loop_.forget(stream_->fd());
  stream_->close();
  stream_.reset();
  is_connected_ = is_secure_ = false;
  input_.clear();
  output_.clear();
  written_ = 0;
}

void Member::connect() {
  UniqueFd fd = must(sys::begin_connect(server_, std::nullopt), "connect");
  stream_ = must(wire::TlsStream::open(tls_, std::move(fd), false), "TLS");
  watched_ = EPOLLOUT;
  auto watching = loop_.watch(stream_->fd(), watched_, [this](std::uint32_t) { on_event(); });
  if (!watching) give_up(watching.error().text());
}

void Member::on_event() {
  if (!is_connected_) {
    if (auto connected = sys::connect_result(stream_->fd()); !connected) {
      give_up(fmt::format("connect: {}", connected.error().text()));
    }
    is_connected_ = true;
  }
  if (!is_secure_ && !advance_handshake()) return;
  read_all();
  pump();
}

bool Member::advance_handshake() {
  const auto want = must(stream_->handshake(), "TLS handshake");
  if (want != wire::TlsStream::Want::Nothing) {
    watch_for_more();
    return false;
  }
  is_secure_ = true;
  if (mac_) {
    resume();
  } else {
    greet();
  }
  return true;
}

void Member::read_all() {
  std::array<std::uint8_t, kReadSize> buffer;
  while (true) {
    const std::size_t size = must(stream_->read(buffer), "reading");
    if (size == 0) break;
    input_.insert(input_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  }
  take_frames();
}

void Member::take_frames() {
  std::size_t used = 0;
  while (true) {
    auto frame = wire::decode(ByteView{input_}.subspan(used), wire::kMaxMember);
    if (!frame) {
      if (frame.error().kind != Error::Kind::Incomplete) give_up(frame.error().text());
      break;
    }
    used += frame->size;
    take(*frame);
  }
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used));
}

void Member::take(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::Type::Challenge:
      return prove(frame.payload);
    case wire::Type::Accepted:
      return open(frame.payload);
    case wire::Type::Resumed:
      return reopen(frame.payload);
    case wire::Type::Ack:
      return events_.on_ack(*this, must(wire::decode_ack(frame.payload), "ACK").seq);
    default:
      give_up(fmt::format("{}: answer of type {}", speaker_.name, static_cast<int>(frame.type)));
  }
}

void Member::greet() {
  a_ = small_exponent();
  const auto a_public = srp::power_of_generator(srp::group_3072(), *a_);
  const Bytes bytes = crypto::to_bytes(*a_public, a_public_.size());
  std::copy(bytes.begin(), bytes.end(), a_public_.begin());
  wire::Hello hello;
  hello.speaker = speaker_;
  hello.a_public = a_public_;
  send(wire::Type::Hello, wire::encode(hello));
}

void Member::prove(ByteView payload) {
  const auto challenge = must(wire::decode_challenge(payload), "CHALLENGE");
  const auto& group = srp::group_3072();
  const auto a_public = crypto::from_bytes(a_public_);
  const auto b_public = crypto::from_bytes(challenge.b_public);
  const auto u = must(srp::scrambler(group, *a_public, *b_public), "u");
  const std::array<std::uint8_t, 1> x_bytes = {kExponentX};
  const auto x = crypto::from_bytes(x_bytes);
  const auto secret = srp::client_secret(group, *b_public, *x, *a_, *u);
  agreed_ = srp::agreed_key(*secret);
  const auto binding = must(stream_->channel_binding(), "channel binding");
  m1_ = srp::client_proof({speaker_, challenge.salt, a_public_, challenge.b_public, binding},
                          *agreed_);
  send(wire::Type::Proof, wire::encode(wire::Proof{m1_}));
}

void Member::open(ByteView payload) {
  const auto accepted = must(wire::decode_accepted(payload), "ACCEPTED");
  session_id_ = accepted.session_id;
  mac_.emplace(wire::report_key(*agreed_, session_id_));
  events_.on_open(*this);
}

void Member::resume() {
  nonce_ = crypto::random_array<16>();
  const auto binding = must(stream_->channel_binding(), "channel binding");
  wire::Resume message;
  message.session_id = session_id_;
  message.nonce = nonce_;
  message.mac = wire::resume_mac(*mac_, nonce_, binding);
  send(wire::Type::Resume, wire::encode(message));
}

void Member::reopen(ByteView payload) {
  const auto resumed = must(wire::decode_resumed(payload), "RESUMED");
  const auto binding = must(stream_->channel_binding(), "channel binding");
  if (resumed.mac != wire::resumed_mac(*mac_, nonce_, binding)) give_up("RESUMED without proof");
  events_.on_open(*this);
}

void Member::report(ByteView body) {
  wire::Report report;
  report.seq = next_seq_++;
  report.mac = wire::report_mac(*mac_, session_id_, report.seq, body);
  report.body = body;
  send(wire::Type::Report, wire::encode(report));
}

void Member::send(wire::Type type, ByteView payload) { wire::encode(type, payload, output_); }

void Member::pump() {
  while (written_ < output_.size()) {
    const std::size_t taken = must(stream_->write(ByteView{output_}.subspan(written_)), "writing");
    if (taken == 0) break;
    written_ += taken;
  }
  if (written_ == output_.size() || written_ > kMaxUnwritten) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(written_));
    written_ = 0;
  }
  watch_for_more();
}

void Member::watch_for_more() {
  const bool writes = is_secure_ ? queued() > 0 : stream_->wants() == wire::TlsStream::Want::Write;
  const std::uint32_t wanted = EPOLLIN | (writes ? EPOLLOUT : 0U);
  if (wanted == watched_) return;
  watched_ = wanted;
  if (auto changed = loop_.change(stream_->fd(), wanted); !changed) give_up(changed.error().text());
}

}  // namespace samhain::bench
