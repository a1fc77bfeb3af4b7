#include "server/roster.h"

#include <algorithm>
#include <utility>

namespace samhain::server {
namespace {

constexpr wire::Id kNone{};

ClientState state_after(const Report& report) {
  const std::string_view message = report.message();
  switch (report.event_class) {
    case EventClass::Start:
      if (message == "EXIT") return ClientState::Exited;
      if (message == "SUSPEND") return ClientState::Suspended;
      if (message == "START") return ClientState::Started;
      return ClientState::Message;
    case EventClass::Panic:
      return ClientState::Panic;
    case EventClass::Event:
      return message.starts_with("POLICY") ? ClientState::Policy : ClientState::Message;
    case EventClass::Stamp:
      return message.starts_with("File check completed") ? ClientState::Filecheck
                                                         : ClientState::Message;
    default:
      return ClientState::Message;
  }
}

/// What the last process of the client left behind is in the hands of this one, so it is dead.
bool inherits(const Session& session, const wire::Id& spool) {
  return spool != kNone && session.spool == spool;
}

bool is_beside_suspended(const Client& client, const Session& session) {
  return client.suspended != kNone && client.suspended != session.instance;
}

}  // namespace

std::string_view word(ClientState state) {
  constexpr std::array<std::string_view, kClientStates> kWords = {
      "Inactive",  "Started", "Message", "Filecheck", "POLICY", "File_transfer",
      "Suspended", "Exited",  "PANIC",   "ILLEGAL",   "FAILED", "TIMEOUT_EXCEEDED"};
  return kWords[static_cast<std::size_t>(state)];
}

const report::Event* event_of(Arrival arrival) {
  switch (arrival) {
    case Arrival::NewClient:
      return &report::kNewClient;
    case Arrival::ForcedAuthentication:
      return &report::kForceAuthentication;
    case Arrival::RestartWithoutExit:
      return &report::kRestartWithoutExit;
    case Arrival::Quiet:
      break;
  }
  return nullptr;
}

void Roster::replace(const std::map<std::string, srp::Verifier>& registered) {
  ++revision_;
  for (auto it = clients_.begin(); it != clients_.end();) {
    if (registered.contains(it->first)) {
      ++it;
      continue;
    }
    forget_ids(*it->second);
    it = clients_.erase(it);
  }
  for (const auto& [name, verifier] : registered) {
    auto& client = clients_[name];
    if (!client) {
      client = std::make_unique<Client>();
      enter(*client, ClientState::Inactive);
    }
    const bool has_new_password = client->session && (client->verifier.salt != verifier.salt ||
                                                      client->verifier.v != verifier.v);
    client->verifier = verifier;
    if (!has_new_password) continue;
    forget_ids(*client);
    client->session.reset();
    client->displaced.clear();
  }
}

void Roster::restore(Client& client, Standing standing) {
  ++revision_;
  // A clock that was set back leaves contacts in the future: they were just now.
  const std::int64_t now_ns = clock_.now_ns();
  const std::int64_t silence_ns = std::max<std::int64_t>(0, now_ns - standing.last_contact_ns);
  last_contact_ns_ = std::max(last_contact_ns_, standing.last_contact_ns);
  if (!standing.address.empty()) remember_address(standing.address);
  static_cast<Standing&>(client) = std::move(standing);
  client.heard_at = clock_.steady() - std::chrono::nanoseconds{silence_ns};
}

void Roster::remember_address(const std::string& address) {
  if (knows_address(address)) return;
  // Clients that come from ever new addresses: those of now will be here again soon.
  if (addresses_.size() >= kMaxAddresses) addresses_.clear();
  addresses_.insert(address);
}

Client* Roster::find(std::string_view name) {
  const auto found = clients_.find(name);
  return found == clients_.end() ? nullptr : found->second.get();
}

Client* Roster::find_session(const wire::Id& id) {
  const auto found = by_session_.find(id);
  return found == by_session_.end() ? nullptr : found->second;
}

Arrival Roster::admit(Client& client, Session session, bool is_known_instance) {
  const Arrival arrival = judge(client, session, is_known_instance);
  if (client.session) displace(client, session);
  by_session_[session.id] = &client;
  client.session = std::move(session);
  client.spool = client.session->spool;
  client.is_up = true;
  if (arrival == Arrival::RestartWithoutExit) enter(client, ClientState::Illegal);
  if (arrival == Arrival::NewClient && client.suspended == kNone) {
    enter(client, ClientState::Started);
  }
  ++revision_;
  return arrival;
}

Arrival Roster::judge(Client& client, const Session& session, bool is_known_instance) {
  if (client.suspended == session.instance) client.suspended = kNone;
  client.owes_verdict = false;
  if (is_known_instance) return Arrival::ForcedAuthentication;
  if (!client.is_up) return Arrival::NewClient;
  // A suspended process suffers one other beside it, which may have its spool: it was left to it.
  const bool is_alone = client.state == ClientState::Suspended || !client.session ||
                        client.session->instance == client.suspended;
  if (is_beside_suspended(client, session) && is_alone) {
    return client.session ? Arrival::Quiet : Arrival::NewClient;
  }
  if (!inherits(session, client.spool)) return Arrival::RestartWithoutExit;
  client.owes_verdict = true;
  return Arrival::Quiet;
}

void Roster::displace(Client& client, const Session& next) {
  // Who announced its silence or its end is not displaced by anybody, and a dead one never asks.
  const bool is_conflict =
      client.session->instance != next.instance && client.session->instance != client.suspended &&
      client.state != ClientState::Exited && !inherits(next, client.session->spool);
  if (!is_conflict) {
    by_session_.erase(client.session->id);
    return;
  }
  if (client.displaced.size() >= kMaxDisplaced) {
    by_session_.erase(client.displaced.front());
    client.displaced.erase(client.displaced.begin());
  }
  client.displaced.push_back(client.session->id);
}

bool Roster::take_displaced(Client& client, const wire::Id& session) {
  if (std::erase(client.displaced, session) == 0) return false;
  by_session_.erase(session);
  return true;
}

Arrival Roster::note(Client& client, const Report& report) {
  const ClientState next = state_after(report);
  const Arrival arrival = settle(client, next);
  const Session& session = *client.session;
  enter(client, next);
  if (next == ClientState::Exited) {
    // The process that displaced the others is gone: their return is no conflict any more.
    forget_displaced(client);
    // Another one is suspended still.
    if (is_beside_suspended(client, session)) {
      client.state = ClientState::Suspended;
    } else {
      client.is_up = false;
    }
    return arrival;
  }
  client.is_up = true;
  if (next == ClientState::Suspended) {
    client.suspended = session.instance;
  } else if (client.suspended == session.instance) {
    client.suspended = kNone;
  }
  return arrival;
}

/// The spool of a dead process is being emptied: did it say EXIT before the new one says START?
Arrival Roster::settle(Client& client, ClientState next) {
  if (!client.owes_verdict) return Arrival::Quiet;
  const bool has_exited = !client.is_up;
  if (!has_exited && next != ClientState::Started) return Arrival::Quiet;
  client.owes_verdict = false;
  if (has_exited) return Arrival::NewClient;
  enter(client, ClientState::Illegal);
  return Arrival::RestartWithoutExit;
}

void Roster::note_transfer(Client& client) {
  const bool says_more =
      client.state == ClientState::Suspended || client.state == ClientState::TimeoutExceeded;
  if (!says_more) enter(client, ClientState::FileTransfer);
}

void Roster::note_failure(Client& client) { enter(client, ClientState::Failed); }

void Roster::touch(Client& client, const std::string& address) {
  client.heard_at = clock_.steady();
  client.last_contact_ns = last_contact_ns_ = clock_.now_ns();
  client.is_overdue = false;
  client.address = address;
  remember_address(address);
  ++revision_;
}

std::vector<Client*> Roster::find_overdue(std::chrono::seconds limit) {
  std::vector<Client*> overdue;
  const auto now = clock_.steady();
  for (const auto& [name, client] : clients_) {
    if (!client->is_up || client->is_overdue || now - client->heard_at <= limit) continue;
    client->is_overdue = true;
    enter(*client, ClientState::TimeoutExceeded);
    overdue.push_back(client.get());
  }
  return overdue;
}

void Roster::enter(Client& client, ClientState state) {
  client.state = state;
  client.reached_ns[static_cast<std::size_t>(state)] = clock_.now_ns();
  ++revision_;
}

void Roster::forget_displaced(Client& client) {
  for (const wire::Id& id : client.displaced) by_session_.erase(id);
  client.displaced.clear();
}

void Roster::forget_ids(const Client& client) {
  if (client.session) by_session_.erase(client.session->id);
  for (const wire::Id& id : client.displaced) by_session_.erase(id);
}

}  // namespace samhain::server
