#include "server/handshakes.h"

#include <string.h>

#include <utility>

#include "base/codec.h"
#include "base/text.h"
#include "crypto/random.h"
#include "wire/files.h"

namespace samhain::server {

void Handshakes::on_hello(Connection& connection, ByteView payload) {
  if (connection.stage != Stage::Open) return parts_.guard.violate(connection, "HELLO out of turn");
  auto hello = wire::decode_hello(payload);
  if (!hello) {
    const std::string reason = "HELLO: " + hello.error().what;
    // Another version is no attack: its administrator should see that we refused.
    if (hello.error().kind == Error::Kind::Version) {
      return parts_.guard.turn_away(connection, reason);
    }
    return parts_.guard.violate(connection, reason);
  }
  connection.hello = std::make_unique<wire::Hello>(std::move(*hello));
  connection.name = base::lower(connection.hello->speaker.name);
  if (parts_.guard.is_blocked(connection)) {
    return parts_.connections.refuse(connection, wire::Refusal::TooManyAttempts);
  }
  if (connection.name.empty()) {
    parts_.guard.blame(connection, report::kHostnameIsNull);
    return parts_.connections.refuse(connection, wire::Refusal::BadRequest);
  }
  if (!has_journal(connection)) return;
  if (parts_.settings.names_from_accept) return infer_name(connection);
  begin(connection);
}

/// The second method: the name is what DNS says of the address, confirmed, else the address.
void Handshakes::infer_name(Connection& connection) {
  connection.stage = Stage::Naming;
  connection.name.clear();
  const ConnectionId id = connection.id;
  parts_.lookups.find_names(connection.address, "", [this, id](const NameFacts& facts) {
    Connection* waiting = parts_.connections.find(id);
    if (waiting == nullptr || waiting->stage != Stage::Naming) return;
    waiting->name = facts.peer_confirmed ? facts.peer_name : waiting->address;
    begin(*waiting);
  });
}

void Handshakes::begin(Connection& connection) {
  connection.client = parts_.roster.find(connection.name);
  if (connection.client == nullptr) {
    ++parts_.tally.not_registered;
    if (connection.name.size() > srp::kMaxHostName) connection.name.resize(srp::kMaxHostName);
    parts_.guard.blame(connection, report::kNotInClientList);
    return parts_.connections.refuse(connection, wire::Refusal::NotRegistered);
  }
  if (!parts_.settings.names_from_accept) {
    parts_.name_check.check(connection.name, connection.address);
  }
  const srp::Verifier& verifier = connection.client->verifier;
  connection.stage = Stage::Begun;
  connection.gate = parts_.gates.next();
  const bool is_sent = connection.gate < parts_.gates.size() &&
                       owed_[connection.gate].answers < kMaxAsked &&
                       ask(connection.gate, kBegin,
                           encode(Begin{connection.id, connection.hello->speaker, verifier.salt,
                                        verifier.v, connection.hello->a_public}));
  if (is_sent) return;
  connection.stage = Stage::Open;  // the gate was not asked, the client is not to blame
  parts_.connections.refuse(connection, wire::Refusal::Unavailable);
}

void Handshakes::on_proof(Connection& connection, const Bound& proof) {
  if (connection.stage != Stage::Challenged) {
    return parts_.guard.violate(connection, "PROOF out of turn");
  }
  const auto message = wire::decode_proof(proof.body);
  if (!message) return parts_.guard.violate(connection, "PROOF: " + message.error().what);
  connection.stage = Stage::Proving;
  if (!ask(connection.gate, kProve, encode(Prove{connection.id, message->m1, proof.binding}))) {
    parts_.connections.refuse(connection, wire::Refusal::Unavailable);
  }
}

void Handshakes::on_resume(Connection& connection, const Bound& resume) {
  if (connection.stage != Stage::Open) {
    return parts_.guard.violate(connection, "RESUME out of turn");
  }
  const auto message = wire::decode_resume(resume.body);
  if (!message) return parts_.guard.violate(connection, "RESUME: " + message.error().what);
  if (!has_journal(connection)) return;

  Client* client = parts_.roster.find_session(message->session_id);
  if (client == nullptr || !is_current(connection, *client, message->session_id)) {
    // An old session, or one from before our restart: the client may say Hello at once.
    return parts_.connections.reply(connection, wire::Type::Invalid, {}, false);
  }
  connection.name = client->name();
  Session& session = *client->session;
  const auto expected = wire::resume_mac(*session.mac, message->nonce, resume.binding);
  if (!crypto::equal_secrets(expected, message->mac)) {
    if (!parts_.guard.is_blocked(connection)) {
      parts_.guard.blame(connection, report::kSignatureMismatch);
    }
    return parts_.connections.reply(connection, wire::Type::Invalid, {}, true);
  }
  if (!parts_.settings.names_from_accept) {
    parts_.name_check.check(connection.name, connection.address);
  }
  ++parts_.tally.resumed;
  connection.client = client;
  connection.session = session.id;
  parts_.roster.touch(*client, connection.address);
  const wire::Resumed resumed{
      .mac = wire::resumed_mac(*session.mac, message->nonce, resume.binding),
      .next_seq = parts_.journal.ledger().durable(client->name(), session.spool)};
  welcome(connection, wire::Type::Resumed, wire::encode(resumed), resumed.next_seq);
}

/// The last word of a handshake, and what waits for the client right behind it.
void Handshakes::welcome(Connection& connection, wire::Type type, ByteView payload,
                         std::uint64_t next_seq) {
  parts_.connections.make_member(connection, next_seq);
  parts_.connections.reply(connection, type, payload, false);
  if (connection.is_visitor()) return;  // commands are for the daemon
  parts_.connections.order(connection,
                           parts_.commands.due(connection.client->name(), parts_.clock.now_ns()));
}

/// Is `session` the client's session of now?  One that another process displaced is told once.
bool Handshakes::is_current(Connection& connection, Client& client, const wire::Id& session) {
  if (client.session && client.session->id == session) {
    return parts_.clock.steady() < client.session->expires_at;
  }
  if (parts_.roster.take_displaced(client, session)) {
    connection.name = client.name();
    parts_.notices.tell(report::kSignatureMismatch, {{"client", client.name()}});
  }
  return false;
}

bool Handshakes::take(std::size_t gate, std::uint16_t kind, ByteView payload) {
  if (kind == kBad) {
    const auto complaint = decode_complaint(payload);
    if (!complaint || !take_answer(gate)) return false;
    Connection* connection = find(gate, complaint->connection, Stage::Begun);
    if (connection == nullptr) return true;
    connection->stage = Stage::Open;  // nothing is left at the gate
    parts_.guard.blame(*connection, complaint->reason);
    parts_.connections.refuse(*connection, wire::Refusal::BadRequest);
    return true;
  }
  const auto about = decode_about(payload);
  if (!about) return false;
  if (kind == kChallenge) {
    if (!take_answer(gate)) return false;
    Connection* connection = find(gate, about->connection, Stage::Begun);
    if (connection == nullptr) return true;
    base::Reader reader(about->rest);
    on_challenge(*connection, reader.array<srp::kNumberSize>());
    return true;
  }
  if (!take_answer(gate)) return false;
  Connection* connection = find(gate, about->connection, Stage::Proving);
  if (connection == nullptr) return true;
  if (kind == kProven) {
    on_proven(*connection, about->rest);
    return true;
  }
  ++parts_.tally.wrong_proofs;
  parts_.roster.note_failure(*connection->client);
  parts_.guard.blame(*connection, report::kSessionKeyMismatch);
  parts_.connections.refuse(*connection, wire::Refusal::WrongProof);
  return true;
}

/// One question to the gate less, whether its connection is still there or not.  False: it answers
/// what nobody asked.
bool Handshakes::take_answer(std::size_t gate) {
  Owed& owed = owed_[gate];
  if (owed.answers == 0) return false;
  --owed.answers;
  owed.since = parts_.clock.steady();
  return true;
}

bool Handshakes::ask(std::size_t gate, std::uint16_t kind, ByteView question) {
  if (!parts_.gates.send(gate, kind, question)) return false;
  if (owed_[gate].answers++ == 0) owed_[gate].since = parts_.clock.steady();
  return true;
}

void Handshakes::restart_stuck_gates() {
  const auto latest = parts_.clock.steady() - parts_.settings.front.handshake;
  for (std::size_t gate = 0; gate < owed_.size(); ++gate) {
    if (owed_[gate].answers == 0 || owed_[gate].since > latest) continue;
    owed_[gate] = {};
    parts_.gates.restart(gate);
  }
}

/// A connection that this gate works for, in the stage that its answer belongs to; it may be gone.
Connection* Handshakes::find(std::size_t gate, ConnectionId id, Stage stage) {
  Connection* connection = parts_.connections.find(id);
  if (connection == nullptr || connection->stage != stage || connection->gate != gate) {
    return nullptr;
  }
  return connection;
}

void Handshakes::on_challenge(Connection& connection, const srp::Number& b_public) {
  connection.stage = Stage::Challenged;
  const wire::Challenge challenge{.salt = connection.client->verifier.salt, .b_public = b_public};
  parts_.connections.reply(connection, wire::Type::Challenge, wire::encode(challenge), false);
}

void Handshakes::on_proven(Connection& connection, ByteView m2_and_key) {
  base::Reader reader(m2_and_key);
  wire::Accepted accepted;
  accepted.m2 = reader.array<32>();
  srp::SessionKey agreed;
  auto raw = reader.array<32>();
  memcpy(agreed.span().data(), raw.data(), raw.size());
  explicit_bzero(raw.data(), raw.size());

  const Client& client = *connection.client;
  const srp::Speaker& speaker = connection.hello->speaker;
  const bool is_visitor = speaker.spool_id == wire::kNoSpool;
  const std::chrono::seconds lifetime =
      is_visitor ? Visits::kLongest : parts_.settings.session_lifetime;
  accepted.session_id = crypto::random_array<16>();
  accepted.lifetime_s = static_cast<std::uint32_t>(lifetime.count());
  accepted.max_frame = wire::kMaxMember;
  accepted.client_name = client.name();
  accepted.next_seq = parts_.journal.ledger().durable(client.name(), speaker.spool_id);

  Session session;
  session.id = accepted.session_id;
  session.instance = speaker.instance_id;
  session.spool = speaker.spool_id;
  session.expires_at = parts_.clock.steady() + lifetime;
  session.mac = std::make_unique<crypto::Mac>(wire::report_key(agreed, session.id));
  session.file_mac = std::make_unique<crypto::Mac>(wire::file_key(agreed, session.id));

  ++parts_.tally.authenticated;
  if (is_visitor) {
    parts_.visits.begin(connection, std::move(session));
  } else {
    admit(connection, std::move(session));
  }
  welcome(connection, wire::Type::Accepted, wire::encode(accepted), accepted.next_seq);
}

/// The session becomes the client's one.
void Handshakes::admit(Connection& connection, Session session) {
  Client& client = *connection.client;
  connection.session = session.id;
  const bool is_known = parts_.journal.ledger().knows_instance(client.name(), session.instance);
  if (!is_known) parts_.journal.ledger().remember_instance(client.name(), session.instance);
  const Arrival arrival = parts_.roster.admit(client, std::move(session), is_known);
  parts_.roster.touch(client, connection.address);
  if (const auto* event = event_of(arrival)) {
    parts_.notices.tell(*event, {{"client", client.name()}});
  }
}

/// While the log cannot be written nobody is let in: the reports are safer in the clients' spools.
bool Handshakes::has_journal(Connection& connection) {
  if (!parts_.journal.has_failed()) return true;
  parts_.connections.refuse(connection, wire::Refusal::Unavailable);
  return false;
}

void Handshakes::forget_gate(std::size_t gate) {
  owed_[gate] = {};
  std::vector<ConnectionId> lost;
  parts_.connections.for_each([&](const Connection& connection) {
    const bool is_there = connection.stage == Stage::Begun ||
                          connection.stage == Stage::Challenged ||
                          connection.stage == Stage::Proving;
    if (is_there && connection.gate == gate) lost.push_back(connection.id);
  });
  for (const ConnectionId id : lost) {
    Connection* connection = parts_.connections.find(id);
    if (connection == nullptr) continue;
    connection->stage = Stage::Open;  // the client is not to blame
    parts_.connections.refuse(*connection, wire::Refusal::Unavailable);
  }
}

void Handshakes::withdraw(const std::function<bool(const Client&)>& is_revoked) {
  std::vector<ConnectionId> revoked;
  parts_.connections.for_each([&](const Connection& connection) {
    if (connection.is_member() || connection.client == nullptr) return;
    if (is_revoked(*connection.client)) revoked.push_back(connection.id);
  });
  for (const ConnectionId id : revoked) {
    Connection* connection = parts_.connections.find(id);
    if (connection == nullptr) continue;
    parts_.gates.send(connection->gate, kForget, encode_about(id));
    connection->stage = Stage::Open;  // what abandon() would count is not the client's doing
    parts_.connections.close(*connection);
  }
}

void Handshakes::abandon(Connection& connection) {
  if (connection.stage != Stage::Begun && connection.stage != Stage::Challenged) return;
  parts_.guard.count_failure(connection);
  parts_.gates.send(connection.gate, kForget, encode_about(connection.id));
}

}  // namespace samhain::server
