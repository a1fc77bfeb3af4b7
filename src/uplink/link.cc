#include "uplink/link.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sys/file.h"
#include "wire/tls.h"

namespace samhain::uplink {
namespace {

constexpr std::size_t kMaxAuthorities = 1U << 20;

}  // namespace

Result<std::string> load_authorities(const std::string& path) {
  if (path.empty()) return std::string{};
  const auto bytes = sys::read_file(path, kMaxAuthorities);
  if (!bytes) return bytes.error().within("SetServerCA", path);
  const auto tried = wire::TlsContext::client(as_text(*bytes));
  if (!tried) return tried.error().within("SetServerCA", path);
  return std::string{as_text(*bytes)};
}

Link::Link(sys::Loop& loop, Settings settings, Callbacks callbacks)
    : loop_(loop), settings_(std::move(settings)), callbacks_(std::move(callbacks)) {}

Link::~Link() {
  // The session closes the connection on its way out: while the courier is still there.
  session_.reset();
}

Result<std::unique_ptr<Link>> Link::start(sys::Loop& loop, const base::Clock& clock,
                                          spool::Spool* spool, const Password& password,
                                          Settings settings, Callbacks callbacks) {
  std::unique_ptr<Link> link{new Link(loop, std::move(settings), std::move(callbacks))};
  if (auto started = link->start_courier(); !started) return started.error();
  link->session_ = std::make_unique<Session>(loop, clock, spool, *link, password,
                                             link->settings_.session, link->callbacks_.on_report);
  return link;
}

Result<void> Link::start_courier() {
  sys::Role::Spec spec;
  spec.name = "courier";
  spec.rules = rules_from_courier();
  spec.set_up = [this] {
    const ByteView authorities = as_bytes(settings_.authorities);
    return Bytes{authorities.begin(), authorities.end()};
  };
  spec.on_message = [this](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
    take(kind, payload);
  };
  spec.on_ready = callbacks_.on_ready;
  spec.on_down = [this](const Error& error) {
    callbacks_.on_down(error);
    if (std::exchange(is_wanted_, false)) session_->closed(error.text());
  };
  auto role = sys::Role::start(loop_, std::move(spec));
  if (!role) return role.error();
  courier_ = *std::move(role);
  return {};
}

void Link::open(std::size_t server) {
  ++connection_;
  addresses_left_ = 0;
  chunks_out_ = 0;
  is_wanted_ = true;
  const auto& session = settings_.session;
  host_ = server == 0 ? session.server : session.second_server;
  if (auto numeric = sys::Address::parse(host_, session.port)) {
    return connect({*numeric});
  }
  look_up();
}

void Link::look_up() {
  auto lookup = Lookup::start(
      loop_, Question{host_, settings_.session.port},
      [this, connection = connection_](Result<Resolved> resolved) {
        lookup_.reset();
        if (connection != connection_ || !is_wanted_) return;
        if (!resolved) return fail_later(resolved.error().text());
        if (resolved->addresses.empty()) return fail_later(resolved->error);
        connect(std::move(resolved->addresses));
      },
      settings_.resolver);
  if (!lookup) return fail_later(lookup.error().text());
  lookup_ = *std::move(lookup);
}

void Link::connect(std::vector<sys::Address> addresses) {
  if (courier_->channel() == nullptr) return fail_later("the courier is not running");
  addresses_left_ = std::min(addresses.size(), kMaxAddresses);
  courier_->channel()->send(
      kConnect, encode(Connect{connection_, std::move(addresses), settings_.source, host_}));
}

void Link::fail_later(std::string reason) {
  loop_.soon([this, connection = connection_, reason = std::move(reason)] {
    if (connection != connection_ || !std::exchange(is_wanted_, false)) return;
    session_->connect_failed(host_, reason);
    session_->unreachable();
  });
}

void Link::send(wire::Type type, ByteView payload) {
  if (courier_->channel() == nullptr) return;  // its death is told to the session from the loop
  if (type == wire::Type::Chunk) ++chunks_out_;
  courier_->channel()->send(kSend, encode(Envelope{connection_, type, payload}));
}

void Link::close() {
  if (!std::exchange(is_wanted_, false)) return;
  lookup_.reset();
  if (courier_->channel() != nullptr) {
    courier_->channel()->send(kClose, encode_close(connection_));
  }
}

/// A malformed message comes from a courier that is no longer ours: it is replaced.
template <class Message>
bool Link::is_current(const Result<Message>& message) {
  if (!message) {
    courier_->restart();
    return false;
  }
  return is_wanted_ && message->connection == connection_;
}

/// Each gives the attempt more time and may be told: a courier that says more of them than it has
/// addresses is no longer ours.
void Link::take_connect_failed(const ConnectFailed& message) {
  if (addresses_left_ == 0) return courier_->restart();
  --addresses_left_;
  session_->connect_failed(message.address, strerror(message.sys_errno));
}

/// One that has sent more than it was given would have us fill its memory.
void Link::take_taken(const Taken& message) {
  if (message.chunks > chunks_out_) return courier_->restart();
  chunks_out_ -= message.chunks;
  session_->taken(message.chunks);
}

void Link::take(std::uint16_t kind, ByteView payload) {
  if (kind == kConnectFailed) {
    const auto message = decode_connect_failed(payload);
    if (is_current(message)) take_connect_failed(*message);
  } else if (kind == kOpened) {
    const auto message = decode_opened(payload);
    if (is_current(message)) session_->opened(message->binding);
  } else if (kind == kReceived) {
    const auto message = decode_envelope(payload);
    if (is_current(message)) session_->received(message->type, message->payload);
  } else if (kind == kTaken) {
    const auto message = decode_taken(payload);
    if (is_current(message)) take_taken(*message);
  } else if (kind == kClosed) {
    const auto message = decode_closed(payload);
    if (!is_current(message)) return;
    is_wanted_ = false;
    if (addresses_left_ == 0) return session_->unreachable();
    session_->closed(message->sys_errno == 0 ? message->text : strerror(message->sys_errno));
  }
}

}  // namespace samhain::uplink
