#include "server/intake.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "report/codec.h"
#include "sys/socket.h"

namespace samhain::server {
namespace {

constexpr std::chrono::seconds kRetry{1};

}  // namespace

std::string displayed_name(const std::string& name, bool strips_domain) {
  if (!strips_domain || sys::Address::parse(name, 0)) return name;
  return name.substr(0, name.find('.'));
}

void Intake::on_report(Connection& connection, ByteView payload) {
  if (!connection.is_member()) return parts_.guard.violate(connection, "REPORT out of turn");
  if (connection.is_visitor()) return parts_.guard.violate(connection, "REPORT of a visitor");
  const auto message = wire::decode_report(payload);
  if (!message) return parts_.guard.violate(connection, "REPORT: " + message.error().what);
  if (!is_authentic(connection, *message)) return;
  parts_.roster.touch(*connection.client, connection.address);

  const Session& session = *connection.client->session;
  const std::string& name = connection.client->name();
  if (message->seq < parts_.journal.ledger().next(name, session.spool)) {
    ++parts_.tally.duplicates;
    return owe_ack(connection, message->seq);
  }
  if (message->seq == std::numeric_limits<std::uint64_t>::max()) {
    return parts_.guard.violate(connection, "REPORT: no number left");
  }
  auto report = report::decode(message->body);
  if (!report) return parts_.guard.violate(connection, "REPORT: " + report.error().what);
  accept(connection, *message, std::move(*report));
}

bool Intake::is_current(Connection& connection) {
  Client& client = *connection.client;
  const Session* session = connection.valid_session();
  if (session != nullptr && parts_.clock.steady() < session->expires_at) return true;
  if (session == nullptr && parts_.roster.take_displaced(client, connection.session)) {
    parts_.notices.tell(report::kSignatureMismatch, {{"client", client.name()}});
  }
  parts_.connections.reply(connection, wire::Type::Invalid, {}, true);
  return false;
}

/// Signed under the session of now; else the connection is gone.
bool Intake::is_authentic(Connection& connection, const wire::Report& message) {
  if (!is_current(connection)) return false;
  Client& client = *connection.client;
  const Session& session = *client.session;
  const auto expected = wire::report_mac(*session.mac, session.id, message.seq, message.body);
  if (crypto::equal_secrets(expected, message.mac)) return true;
  parts_.roster.note_failure(client);
  parts_.guard.blame(connection, report::kMsgSignatureMismatch);
  parts_.connections.close(connection);
  return false;
}

void Intake::accept(Connection& connection, const wire::Report& message, Report report) {
  Client& client = *connection.client;
  report.client = displayed_name(client.name(), parts_.settings.strips_domain);
  report.arrival_ns = client.last_contact_ns;

  // Not in the batch: not acknowledged, and nothing after it either, so the connection must end.
  if (parts_.journal.has_failed()) return parts_.connections.close(connection);
  if (auto aimed = parts_.journal.aim(client.name()); !aimed) {
    parts_.notices.tell(report::kServiceFailure, {{"service", "logfile"},
                                                  {"obj", client.name()},
                                                  {"reason", aimed.error().text()},
                                                  {"remedy", "the main log takes its place"}});
  }
  if (!gather(report)) return parts_.connections.close(connection);

  parts_.journal.forward(report);
  parts_.journal.advance(client.name(), client.session->spool, message.seq + 1);
  client.last_seq = message.seq;
  if (const auto* event = event_of(parts_.roster.note(client, report))) {
    parts_.notices.tell(*event, {{"client", client.name()}});
  }
  parts_.commands.note(client.name(), report);
  ++parts_.tally.reports;
  owe_ack(connection, message.seq);
  if (parts_.journal.wants_flush()) commit();
}

/// Is the report in the batch, with or without a line of its own?
bool Intake::gather(const Report& report) {
  const bool wants_line = parts_.dispatcher.would_take(parts_.journal.service(), report);
  const std::uint64_t before = parts_.journal.gathered();
  parts_.dispatcher.submit(report);
  if (!wants_line) parts_.journal.pass_over();
  return !wants_line || parts_.journal.gathered() != before;
}

void Intake::owe_ack(Connection& connection, std::uint64_t seq) {
  connection.acked = connection.has_ack ? std::max(connection.acked, seq) : seq;
  if (!std::exchange(connection.has_ack, true)) to_ack_.push_back(connection.id);
}

void Intake::commit() {
  const auto now = parts_.clock.steady();
  if (parts_.journal.has_failed() && now < next_try_) return;
  parts_.dispatcher.flush();
  if (parts_.journal.has_failed()) {
    next_try_ = now + kRetry;
    return;
  }
  if (parts_.journal.is_settled()) send_acks();
}

void Intake::send_acks() {
  for (const ConnectionId id : std::exchange(to_ack_, {})) {
    Connection* connection = parts_.connections.find(id);
    if (connection == nullptr) continue;
    connection->has_ack = false;
    parts_.connections.acknowledge(
        *connection, parts_.commands.due(connection->client->name(), parts_.clock.now_ns()));
  }
}

}  // namespace samhain::server
