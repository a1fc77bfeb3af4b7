#include "server/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

namespace samhain::server {
namespace {

/// Accepted in one go: others' turn then.
constexpr int kAtOnce = 64;

constexpr std::chrono::milliseconds kRest{100};

#ifdef HAVE_LIBWRAP
constexpr bool kAsksLibwrap = true;
#else
constexpr bool kAsksLibwrap = false;
#endif

}  // namespace

Result<void> Acceptor::start() { return adjust(); }

Result<void> Acceptor::adjust() {
  const bool wants = !is_paused_ && !is_resting_ && parts_.connections.size() < max_connections_;
  if (wants == is_listening_) return {};
  is_listening_ = wants;
  for (const UniqueFd& listener : listeners_) {
    const int fd = listener.get();
    if (!wants) {
      parts_.loop.forget(fd);
      continue;
    }
    auto watched = parts_.loop.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { accept_some(fd); });
    if (!watched) return watched;
  }
  return {};
}

void Acceptor::accept_some(int listener) {
  for (int i = 0; i < kAtOnce && parts_.connections.size() < max_connections_; ++i) {
    UniqueFd socket(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      take(std::move(socket));
      continue;
    }
    // accept(2): these are errors of the one connection, or of the network.
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == EPERM) continue;
    if (errno != EAGAIN) rest();
    return;
  }
}

/// No descriptor or memory for one more: the backlog keeps them meanwhile.
void Acceptor::rest() {
  is_resting_ = true;
  parts_.loop.after(kRest, [this] { is_resting_ = false; });
}

void Acceptor::take(UniqueFd socket) {
  const auto peer = sys::peer_of(socket.get());
  if (!peer) return;  // gone already
  ++parts_.tally.connections;
  const int on = 1;
  (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);

  std::string address = peer->text();
  make_room(address);
  Connection& connection = parts_.connections.add(std::move(socket), std::move(address));
  if (!kAsksLibwrap) return on_verdict(connection.id, true);
  const ConnectionId id = connection.id;
  parts_.lookups.judge(connection.address, parts_.roster.knows_address(connection.address),
                       [this, id](bool is_allowed) { on_verdict(id, is_allowed); });
}

void Acceptor::make_room(const std::string& address) {
  const std::string key = limit_key(address);
  while (true) {
    const auto& strangers = parts_.connections.strangers_of(key);
    if (strangers.size() < parts_.settings.max_unauthenticated) return;
    if (parts_.limiter.may_tell(key)) {
      parts_.notices.tell_filled(report::kInvalidAttempt, {"Too many connections"},
                                 {{"client", address}});
    }
    Connection* oldest = parts_.connections.find(strangers.front());
    if (oldest == nullptr) return;
    parts_.connections.close(*oldest);
  }
}

void Acceptor::tell_refused(const std::string& address) {
  const std::string key = limit_key(address);
  if (refusals_.is_blocked(key)) return;
  refusals_.count_failure(key);
  parts_.notices.tell_filled(report::kRefusedConnection, {address}, {{"subroutine", "libwrap"}});
}

void Acceptor::on_verdict(ConnectionId id, bool is_allowed) {
  Connection* connection = parts_.connections.find(id);
  if (connection == nullptr) return;
  if (!is_allowed) {
    ++parts_.tally.refused_by_libwrap;
    tell_refused(connection->address);
    return parts_.connections.forget(*connection);
  }
  parts_.notices.tell(report::kNewConnection,
                      {{"socket_id", std::to_string(connection->socket.get())}});
  parts_.connections.pass_on(*connection);
}

}  // namespace samhain::server
