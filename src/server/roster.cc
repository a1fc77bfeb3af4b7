#include "server/roster.h"

#include <algorithm>
#include <array>

namespace samhain::server {
namespace {

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

Arrival arrival_at(const Client& client, bool is_known_instance) {
  if (is_known_instance) return Arrival::ForcedAuthentication;
  switch (client.state) {
    case ClientState::Inactive:
    case ClientState::Exited:
      return Arrival::NewClient;
    case ClientState::Suspended:
      return client.session ? Arrival::Quiet : Arrival::NewClient;
    case ClientState::Failed:
      return client.session ? Arrival::RestartWithoutExit : Arrival::NewClient;
    default:
      return Arrival::RestartWithoutExit;
  }
}

}  // namespace

std::string_view word(ClientState state) {
  constexpr std::array<std::string_view, 11> kWords = {
      "Inactive", "Started", "Message", "Filecheck", "POLICY",          "Suspended",
      "Exited",   "PANIC",   "ILLEGAL", "FAILED",    "TIMEOUT_EXCEEDED"};
  return kWords[static_cast<std::size_t>(state)];
}

void Roster::replace(const std::map<std::string, srp::Verifier>& registered) {
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
    if (!client) client = std::make_unique<Client>();
    const bool has_new_password = client->session && (client->verifier.salt != verifier.salt ||
                                                      client->verifier.v != verifier.v);
    client->verifier = verifier;
    if (!has_new_password) continue;
    forget_ids(*client);
    client->session.reset();
    client->displaced.clear();
  }
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
  const Arrival arrival = arrival_at(client, is_known_instance);
  if (client.session) {
    // Who announced its silence or its end is not displaced by anybody.
    const bool is_displaced = client.session->instance != session.instance &&
                              client.state != ClientState::Suspended &&
                              client.state != ClientState::Exited;
    if (is_displaced) {
      if (client.displaced.size() >= kMaxDisplaced) {
        by_session_.erase(client.displaced.front());
        client.displaced.erase(client.displaced.begin());
      }
      client.displaced.push_back(client.session->id);
    } else {
      by_session_.erase(client.session->id);
    }
  }
  by_session_[session.id] = &client;
  client.session = std::move(session);
  if (arrival == Arrival::NewClient) client.state = ClientState::Started;
  if (arrival == Arrival::RestartWithoutExit) client.state = ClientState::Illegal;
  return arrival;
}

bool Roster::take_displaced(Client& client, const wire::Id& session) {
  if (std::erase(client.displaced, session) == 0) return false;
  by_session_.erase(session);
  return true;
}

void Roster::note(Client& client, const Report& report) {
  client.state = state_after(report);
  if (client.state != ClientState::Exited) return;
  // The process that displaced the others is gone: their return is no conflict any more.
  for (const wire::Id& id : client.displaced) by_session_.erase(id);
  client.displaced.clear();
}

void Roster::touch(Client& client, const std::string& address, std::int64_t now_ns) {
  client.last_contact_ns = now_ns;
  client.is_overdue = false;
  if (client.address != address) client.address = address;
}

std::vector<Client*> Roster::find_overdue(std::int64_t now_ns, std::chrono::seconds limit) {
  std::vector<Client*> overdue;
  const std::int64_t limit_ns = std::chrono::nanoseconds{limit}.count();
  for (const auto& [name, client] : clients_) {
    if (client->is_overdue || client->last_contact_ns == 0) continue;
    if (client->state == ClientState::Inactive || client->state == ClientState::Exited) continue;
    if (now_ns - client->last_contact_ns <= limit_ns) continue;
    client->is_overdue = true;
    client->state = ClientState::TimeoutExceeded;
    overdue.push_back(client.get());
  }
  return overdue;
}

void Roster::forget_ids(const Client& client) {
  if (client.session) by_session_.erase(client.session->id);
  for (const wire::Id& id : client.displaced) by_session_.erase(id);
}

}  // namespace samhain::server
