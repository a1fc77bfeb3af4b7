#include "server/files.h"

#include <unistd.h>

#include <utility>

namespace samhain::server {
namespace {

bool is_unknown_kind(ByteView get) {
  return !get.empty() && (get[0] < static_cast<std::uint8_t>(wire::FileKind::Configuration) ||
                          get[0] > static_cast<std::uint8_t>(wire::FileKind::Delta));
}

std::vector<Field> fields_of(const Obstacle& obstacle) {
  std::vector<Field> fields = {{"userid", std::to_string(geteuid())}, {"path", obstacle.path}};
  if (!obstacle.component.empty()) fields.push_back({"obj", obstacle.component});
  if (!obstacle.reason.empty()) fields.push_back({"reason", obstacle.reason});
  return fields;
}

crypto::Tag mac_of(Session& session, wire::Vouched vouched, const wire::Get& get,
                   const Digest& digest) {
  return wire::file_mac(*session.file_mac, vouched, get.kind, get.nonce, digest);
}

}  // namespace

void Files::on_get(Connection& connection, ByteView payload) {
  if (!connection.is_member()) return parts_.guard.violate(connection, "GET out of turn");
  if (is_unknown_kind(payload)) {
    parts_.notices.tell(report::kUnknownFileRequest, {{"client", connection.shown_name()},
                                                      {"path", std::to_string(payload[0])}});
    return parts_.connections.close(connection);
  }
  auto get = wire::decode_get(payload);
  if (!get) return parts_.guard.violate(connection, "GET: " + get.error().what);
  if (!parts_.intake.is_current(connection)) return;
  touch(connection);
  transfers_[connection.id].get = std::move(*get);
  waiting_.push_back(connection.id);
  wake();
}

/// One search a round of the loop: each costs a dozen system calls.
void Files::wake() {
  if (is_awake_ || waiting_.empty() || begun_ >= kMaxTransfers) return;
  is_awake_ = true;
  parts_.chores.add([this] { return start_one(); });
}

bool Files::start_one() {
  is_awake_ = false;
  if (waiting_.empty() || begun_ >= kMaxTransfers) return false;
  const ConnectionId id = waiting_.front();
  waiting_.pop_front();
  if (const auto found = transfers_.find(id);
      found != transfers_.end() && !found->second.is_begun) {
    found->second.is_begun = true;
    ++begun_;
    look_for(id);
  }
  wake();
  return false;
}

void Files::look_for(ConnectionId id) {
  Connection* connection = parts_.connections.find(id);
  const auto found = transfers_.find(id);
  if (connection == nullptr || found == transfers_.end()) return;
  Transfer& transfer = found->second;
  ++transfer.tries;
  const auto names = names_of(transfer.get.kind, connection->client->name(), transfer.get.delta);
  Search search = find_file(parts_.settings.data_path, names, parts_.settings.trusted);
  tell_obstacles(search, transfer.get.kind, connection->is_visitor());
  if (!search.file) {
    const bool is_refused =
        !search.obstacles.empty() && search.obstacles.back().kind != Obstacle::Kind::Missing;
    const Severity severity = connection->is_visitor() && !is_refused
                                  ? Severity::Info
                                  : report::kRequestedFileNotFound.severity;
    if (search.obstacles.empty()) return deny(*connection, "", severity);
    return deny(*connection, (is_refused ? search.obstacles.back() : search.obstacles.front()).path,
                severity);
  }
  transfer.file = std::move(*search.file);
  parts_.digester.digest(transfer.file,
                         [this, id](const Result<Digest>& digest) { on_digest(id, digest); });
}

/// That the client has no file of its own is no news where one for all clients is there.
/// Nor is it that a visitor finds none: it asks for whatever could be there.
void Files::tell_obstacles(const Search& search, wire::FileKind kind, bool is_visitor) {
  for (std::size_t i = 0; i < search.obstacles.size(); ++i) {
    const Obstacle& obstacle = search.obstacles[i];
    Severity severity = Severity::Err;
    if (obstacle.kind == Obstacle::Kind::Missing && i == 0 && kind != wire::FileKind::Delta) {
      const bool has_other = search.file || search.obstacles.size() == 1 ||
                             search.obstacles.back().kind != Obstacle::Kind::Missing;
      severity = has_other ? Severity::Info : Severity::Warn;
    }
    if (is_visitor && obstacle.kind == Obstacle::Kind::Missing) severity = Severity::Info;
    const report::Event& event = obstacle.kind == Obstacle::Kind::TooLarge
                                     ? report::kFileTooLarge
                                     : report::kFileNotAccessible;
    parts_.notices.tell_at(severity, event, fields_of(obstacle));
  }
}

void Files::on_digest(ConnectionId id, const Result<Digest>& digest) {
  Connection* connection = parts_.connections.find(id);
  const auto found = transfers_.find(id);
  if (connection == nullptr || found == transfers_.end()) return;
  Transfer& transfer = found->second;
  if (digest) return deliver(*connection, transfer, *digest);
  if (digest.error().kind == Error::Kind::Busy && transfer.tries < kMaxTries) return look_for(id);
  const std::string path = transfer.file.path;
  parts_.notices.tell(
      report::kFileNotAccessible,
      {{"userid", std::to_string(geteuid())}, {"path", path}, {"reason", digest.error().text()}});
  deny(*connection, path, report::kRequestedFileNotFound.severity);
}

void Files::deliver(Connection& connection, Transfer& transfer, const Digest& digest) {
  if (!parts_.intake.is_current(connection)) return;
  Session& session = *connection.valid_session();
  if (digest == transfer.get.held) {
    const auto mac = mac_of(session, wire::Vouched::Unchanged, transfer.get, digest);
    const std::string path = transfer.file.path;
    parts_.connections.reply(connection, wire::Type::Unchanged, wire::encode_tag(mac), false);
    complete(connection, report::kFileUnchanged, path);
    return end(connection.id);
  }
  const Delivery delivery{.connection = connection.id,
                          .file = {.size = transfer.file.key.size, .sha256 = digest},
                          .mac = mac_of(session, wire::Vouched::File, transfer.get, digest)};
  transfer.is_sending = true;
  // Where its front is down the connection ends with it.
  parts_.fronts.send(connection.front, kFile, encode(delivery), std::move(transfer.file.fd));
}

/// `path` is the file to blame, or that the client would have had first.
void Files::deny(Connection& connection, const std::string& path, Severity severity) {
  parts_.notices.tell_at(severity, report::kRequestedFileNotFound,
                         {{"client", connection.client->name()}, {"path", path}});
  if (!connection.is_visitor()) parts_.roster.note_failure(*connection.client);
  const ConnectionId id = connection.id;
  if (parts_.intake.is_current(connection)) {
    const auto mac =
        mac_of(*connection.valid_session(), wire::Vouched::NoFile, transfers_[id].get, Digest{});
    parts_.connections.reply(connection, wire::Type::NoFile, wire::encode_tag(mac), false);
  }
  end(id);
}

bool Files::on_sent(Connection& connection, bool is_whole) {
  const auto found = transfers_.find(connection.id);
  if (found == transfers_.end() || !found->second.is_sending) return false;
  const std::string path = found->second.file.path;
  if (is_whole) {
    complete(connection, report::kFileTransferCompleted, path);
    end(connection.id);
    return true;
  }
  parts_.notices.tell(report::kFileNotAccessible,
                      {{"userid", std::to_string(geteuid())},
                       {"path", path},
                       {"reason", "It became shorter while it was sent"}});
  parts_.connections.forget(connection);
  return true;
}

void Files::complete(Connection& connection, const report::Event& event, const std::string& path) {
  touch(connection);
  ++parts_.tally.files;
  parts_.notices.tell(event, {{"client", connection.client->name()}, {"path", path}});
  if (!connection.is_visitor()) parts_.roster.note_transfer(*connection.client);
}

/// A visit is no sign of life of the client's daemon.
void Files::touch(const Connection& connection) {
  if (!connection.is_visitor()) parts_.roster.touch(*connection.client, connection.address);
}

void Files::end(ConnectionId id) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) return;
  if (found->second.is_begun) --begun_;
  transfers_.erase(found);
  wake();
}

void Files::forget(const Connection& connection) { end(connection.id); }

}  // namespace samhain::server
