#include "uplink/courier.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/die.h"
#include "sys/channel.h"
#include "sys/loop.h"
#include "sys/role.h"
#include "sys/sandbox.h"
#include "sys/socket.h"
#include "uplink/identity.h"
#include "uplink/requests.h"
#include "wire/tls.h"

namespace samhain::uplink {

namespace {

/// For one address: after it the next one is tried.
constexpr std::chrono::seconds kConnectLimit{10};
constexpr std::size_t kReadSize = 16'384;
/// What may wait for the scanner before the connection is not read any further.
constexpr std::size_t kMaxUntaken = 2U << 20;
/// The scanner keeps far less than this under way: more means that something is wrong.
constexpr std::size_t kMaxUnsent = 16U << 20;

/// The one connection of the courier, from the list of addresses to the last byte.
class Courier {
 public:
  Courier(sys::Loop& loop, const wire::TlsContext& context, bool checks_name)
      : loop_(loop), context_(context), checks_name_(checks_name) {}

  void use(sys::Channel& channel) {
    channel_ = &channel;
    channel.on_drained([this] { go_on_reading(); });
  }
  void take(std::uint16_t kind, ByteView payload);
  void flush();

 private:
  void connect(Connect request);
  void try_next();
  void on_connect_writable();
  void give_up_address(int sys_errno);
  void begin_tls();
  void on_tls_event();
  void shake_hands();
  void read_frames();
  void go_on_reading();
  Result<void> pass_frames();
  void mind_events();
  void end(const Error& error);
  void end(std::string_view text, int sys_errno);
  void drop();

  sys::Loop& loop_;
  const wire::TlsContext& context_;
  const bool checks_name_;
  sys::Channel* channel_ = nullptr;

  Connect request_;
  std::size_t next_target_ = 0;
  int last_errno_ = 0;
  UniqueFd connecting_;
  sys::Loop::Timer timer_ = 0;
  std::optional<wire::TlsStream> stream_;
  bool is_open_ = false;
  bool is_held_back_ = false;  ///< the scanner does not take as fast as the server sends
  std::uint32_t events_ = 0;
  Bytes input_;
  Bytes output_;
  std::size_t sent_ = 0;             ///< of output_
  std::uint32_t chunks_unsent_ = 0;  ///< in output_
};

void Courier::take(std::uint16_t kind, ByteView payload) {
  if (kind == kConnect) {
    auto request = decode_connect(payload);
    if (!request) base::die("courier: " + request.error().text());
    return connect(*std::move(request));
  }
  if (kind == kClose) {
    const auto connection = decode_close(payload);
    if (!connection) base::die("courier: " + connection.error().text());
    if (*connection == request_.connection) drop();
    return;
  }
  const auto envelope = decode_envelope(payload);
  if (!envelope) base::die("courier: " + envelope.error().text());
  // What was on its way to an older connection goes nowhere.
  if (envelope->connection != request_.connection || !is_open_) return;
  wire::encode(envelope->type, envelope->payload, output_);
  if (envelope->type == wire::Type::Chunk) ++chunks_unsent_;
  if (output_.size() - sent_ > kMaxUnsent) end("too much waits to be sent", 0);
}

void Courier::connect(Connect request) {
  drop();
  request_ = std::move(request);
  next_target_ = 0;
  last_errno_ = 0;
  try_next();
}

void Courier::try_next() {
  while (next_target_ < request_.targets.size()) {
    const sys::Address& target = request_.targets[next_target_];
    auto fd = sys::begin_connect(target, request_.source);
    if (fd) {
      connecting_ = *std::move(fd);
      auto watched = loop_.watch(connecting_.get(), EPOLLOUT,
                                 [this](std::uint32_t) { on_connect_writable(); });
      if (watched) {
        timer_ = loop_.after(kConnectLimit, [this] {
          timer_ = 0;
          give_up_address(ETIMEDOUT);
          try_next();
        });
        return;
      }
      give_up_address(watched.error().sys_errno);
      continue;
    }
    give_up_address(fd.error().sys_errno);
  }
  end("no address answers", last_errno_);
}

void Courier::give_up_address(int sys_errno) {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  if (connecting_) loop_.forget(connecting_.get());
  connecting_.reset();
  last_errno_ = sys_errno;
  const std::string address = request_.targets[next_target_].text();
  channel_->send(kConnectFailed, encode(ConnectFailed{request_.connection, address, sys_errno}));
  ++next_target_;
}

void Courier::on_connect_writable() {
  if (auto connected = sys::connect_result(connecting_.get()); !connected) {
    // Accepted and ended at once, by somebody who does not want us: no address that does not
    // answer.
    if (connected.error().sys_errno == ECONNRESET) return end(connected.error().what, ECONNRESET);
    give_up_address(connected.error().sys_errno);
    return try_next();
  }
  begin_tls();
}

void Courier::begin_tls() {
  // The scanner limits the handshake: a server that only accepts is left by it.
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  loop_.forget(connecting_.get());
  auto stream = wire::TlsStream::open(context_, std::move(connecting_), false);
  if (!stream) return end(stream.error());
  if (checks_name_) {
    if (auto set = stream->expect(request_.server_name); !set) return end(set.error());
  }
  stream_.emplace(*std::move(stream));
  events_ = EPOLLIN | EPOLLOUT;
  auto watched = loop_.watch(stream_->fd(), events_, [this](std::uint32_t) { on_tls_event(); });
  if (!watched) return end(watched.error());
  shake_hands();
}

void Courier::on_tls_event() {
  if (!is_open_) return shake_hands();
  read_frames();
  if (stream_) flush();
}

void Courier::shake_hands() {
  auto want = stream_->handshake();
  if (!want) return end(want.error());
  if (*want != wire::TlsStream::Want::Nothing) return mind_events();
  auto binding = stream_->channel_binding();
  if (!binding) return end(binding.error());
  is_open_ = true;
  channel_->send(kOpened, encode(Opened{request_.connection, *binding}));
  mind_events();
}

void Courier::read_frames() {
  std::array<std::uint8_t, kReadSize> buffer;
  while (stream_ && !is_held_back_) {
    auto count = stream_->read(buffer);
    if (!count) return end(count.error());
    if (*count == 0) return;
    input_.insert(input_.end(), buffer.begin(),
                  buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    if (auto passed = pass_frames(); !passed) return end(passed.error().what, 0);
    is_held_back_ = channel_->queued() > kMaxUntaken;
  }
}

void Courier::go_on_reading() {
  is_held_back_ = false;
  if (!is_open_) return;
  // OpenSSL may hold bytes that the socket will not announce again.
  read_frames();
  if (stream_) flush();
}

Result<void> Courier::pass_frames() {
  std::size_t used = 0;
  Result<void> result;
  for (;;) {
    const auto frame = wire::decode(ByteView{input_}.subspan(used), kMaxAnswer);
    if (!frame) {
      if (frame.error().kind != Error::Kind::Incomplete) result = frame.error();
      break;
    }
    channel_->send(kReceived, encode(Envelope{request_.connection, frame->type, frame->payload}));
    used += frame->size;
  }
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used));
  return result;
}

void Courier::flush() {
  if (!is_open_) return;
  while (sent_ < output_.size()) {
    auto count = stream_->write(ByteView{output_}.subspan(sent_));
    if (!count) return end(count.error());
    if (*count == 0) break;
    sent_ += *count;
  }
  if (sent_ == output_.size()) {
    output_.clear();
    sent_ = 0;
    if (const auto chunks = std::exchange(chunks_unsent_, 0); chunks > 0) {
      channel_->send(kTaken, encode(Taken{request_.connection, chunks}));
    }
  }
  mind_events();
}

void Courier::mind_events() {
  const bool wants_write =
      stream_->wants() == wire::TlsStream::Want::Write || sent_ < output_.size();
  const std::uint32_t events = (is_held_back_ ? 0U : EPOLLIN) | (wants_write ? EPOLLOUT : 0U);
  if (events == events_) return;
  events_ = events;
  if (auto changed = loop_.change(stream_->fd(), events); !changed) end(changed.error());
}

/// A peer that ends the connection has reset it, by whichever packet it did: the kernel's timing
/// decides whether a refusal comes as FIN or RST, and the administrator must not see two faces of
/// it.
void Courier::end(const Error& error) {
  end(error.what, error.kind == Error::Kind::Missing ? ECONNRESET : error.sys_errno);
}

void Courier::end(std::string_view text, int sys_errno) {
  const std::uint32_t connection = request_.connection;
  drop();
  channel_->send(kClosed, encode(Closed{connection, sys_errno, std::string{text}}));
}

void Courier::drop() {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  if (connecting_) loop_.forget(connecting_.get());
  connecting_.reset();
  if (stream_) {
    loop_.forget(stream_->fd());
    if (is_open_) stream_->close();
  }
  stream_.reset();
  is_open_ = is_held_back_ = false;
  input_.clear();
  output_.clear();
  sent_ = 0;
  chunks_unsent_ = 0;
}

sys::Confinement confinement(bool may_share_user) {
  sys::Confinement result;
  result.role = "courier";
  result.identity = role_identity();
  result.may_share_user = may_share_user;
  result.has_empty_root = true;
  result.may_make_tcp_sockets = true;
  return result;
}

}  // namespace

int run_courier(bool may_share_user) {
  const auto set_up = sys::receive_set_up();
  if (!set_up) base::die("courier: " + set_up.error().text());
  // OpenSSL reads its configuration here, while there still are files.
  const bool has_authorities = !set_up->empty();
  const auto context =
      has_authorities ? wire::TlsContext::client(as_text(*set_up)) : wire::TlsContext::client();
  if (!context) base::die("courier: " + context.error().text());
  auto loop = sys::Loop::create();
  if (!loop) base::die("courier: " + loop.error().text());
  const auto barriers = sys::lock_in(confinement(may_share_user));
  if (!barriers) base::die("courier: " + barriers.error().text());

  auto fd = sys::announce_ready(barriers->text());
  if (!fd) base::die("courier: " + fd.error().text());
  Courier courier{**loop, *context, has_authorities};
  auto channel = sys::Channel::open(
      **loop, *std::move(fd), rules_for_courier(),
      [&courier](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
        courier.take(kind, payload);
      },
      [&loop](const Error&) { (*loop)->stop(); });  // the scanner is gone: so are we
  if (!channel) base::die("courier: " + channel.error().text());
  courier.use(**channel);
  (*loop)->on_round_end([&courier] { courier.flush(); });
  (*loop)->run();
  return 0;
}

}  // namespace samhain::uplink
