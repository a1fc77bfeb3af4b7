#include "server/connections.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/text.h"
#include "server/limiter.h"

namespace samhain::server {

Connection& Connections::add(UniqueFd socket, std::string address) {
  auto connection = std::make_unique<Connection>();
  connection->id = ++last_id_;
  connection->socket = std::move(socket);
  connection->address = std::move(address);
  connection->limit_key = limit_key(connection->address);
  strangers_[connection->limit_key].push_back(connection->id);
  Connection& added = *connection;
  connections_.emplace(added.id, std::move(connection));
  return added;
}

Connection* Connections::find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

const std::vector<ConnectionId>& Connections::strangers_of(const std::string& limit_key) const {
  static const std::vector<ConnectionId> none;
  const auto found = strangers_.find(limit_key);
  return found == strangers_.end() ? none : found->second;
}

void Connections::pass_on(Connection& connection) {
  connection.front = fronts_.next();
  if (connection.front == fronts_.size() ||
      !fronts_.send(connection.front, kTake, encode_about(connection.id),
                    std::move(connection.socket))) {
    return forget(connection);
  }
  connection.stage = Stage::Open;
}

void Connections::reply(Connection& connection, wire::Type type, ByteView payload, bool is_last) {
  fronts_.send(connection.front, kReply, encode(Reply{connection.id, type, is_last, payload}));
  if (is_last) forget(connection);
}

void Connections::refuse(Connection& connection, wire::Refusal reason) {
  wire::Refused refused{.reason = reason, .client_name = {}};
  if (base::is_utf8_text(connection.name)) refused.client_name = connection.name;
  reply(connection, wire::Type::Refused, wire::encode(refused), true);
}

void Connections::acknowledge(Connection& connection, const std::vector<wire::Command>& commands) {
  connection.told = std::max(connection.told, connection.acked);
  if (!commands.empty()) return order(connection, commands);
  base::Writer writer;
  writer.number(connection.id).number(connection.acked);
  fronts_.send(connection.front, kAck, writer.view());
}

void Connections::order(const Connection& connection, const std::vector<wire::Command>& commands) {
  const auto& session = connection.client->session;
  // Under another process's session the client would not believe them.
  if (commands.empty() || !session || session->id != connection.session) return;
  wire::Ack message{.seq = connection.told, .commands = commands};
  message.mac = wire::commands_mac(*session->mac, session->id, commands);
  const Bytes ack = wire::encode(message);
  fronts_.send(connection.front, kReply, encode(Reply{connection.id, wire::Type::Ack, false, ack}));
}

void Connections::make_member(Connection& connection, std::uint64_t next_seq) {
  forget_stranger(connection);
  connection.stage = Stage::Member;
  connection.hello.reset();
  connection.told = next_seq == 0 ? 0 : next_seq - 1;
  ++members_;
}

void Connections::close(Connection& connection) {
  if (connection.stage != Stage::Judged) {
    fronts_.send(connection.front, kClose, encode_about(connection.id));
  }
  forget(connection);
}

void Connections::forget(Connection& connection) {
  if (connection.is_member()) {
    --members_;
    if (on_member_lost_) on_member_lost_(connection);
  } else {
    on_stranger_lost_(connection);
    forget_stranger(connection);
  }
  connections_.erase(connection.id);
}

void Connections::for_each(const std::function<void(const Connection&)>& visit) const {
  for (const auto& [id, connection] : connections_) visit(*connection);
}

void Connections::close_where(const std::function<bool(const Connection&)>& is_wanted) {
  std::vector<ConnectionId> wanted;
  for_each([&](const Connection& connection) {
    if (is_wanted(connection)) wanted.push_back(connection.id);
  });
  for (const ConnectionId id : wanted) {
    if (Connection* connection = find(id); connection != nullptr) close(*connection);
  }
}

void Connections::forget_front(std::size_t front) {
  std::vector<ConnectionId> lost;
  for_each([&](const Connection& connection) {
    if (connection.stage != Stage::Judged && connection.front == front) {
      lost.push_back(connection.id);
    }
  });
  for (const ConnectionId id : lost) {
    if (Connection* connection = find(id); connection != nullptr) forget(*connection);
  }
}

void Connections::forget_stranger(const Connection& connection) {
  const auto found = strangers_.find(connection.limit_key);
  if (found == strangers_.end()) return;
  std::erase(found->second, connection.id);
  if (found->second.empty()) strangers_.erase(found);
}

}  // namespace samhain::server
