#include "server/orders.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "server/file_store.h"
#include "server/status.h"
#include "srp/verifier.h"
#include "wire/files.h"

namespace samhain::server {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::array<std::string_view, 3> kPlainCommands = {"RELOAD", "SCAN", "STOP"};
constexpr std::string_view kDelta = "DELTA:";

std::string refusal(std::string_view code, std::string_view text) {
  return fmt::format("!E:{}:{}\n", code, base::printable(text));
}

std::string row(std::string_view client, std::string_view words, std::string_view state) {
  return fmt::format("{}\t{}\t{}\n", base::printable(client), base::printable(words), state);
}

std::string listed(std::string_view state, std::string_view client, const Commands::Entry& entry) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", state, base::printable(client),
                     base::printable(entry.words), entry.time_ns / kNanoseconds, entry.id);
}

bool is_pattern(std::string_view host) { return host.find_first_of("*?[") != host.npos; }

}  // namespace

std::optional<std::string> Orders::answer(std::span<const std::string_view> words) {
  if (words.empty()) return std::nullopt;
  const std::string_view command = words[0];
  const auto hosts = words.subspan(1);
  if (command.size() > wire::kMaxCommand) return "!E:cmd-toolong\n";
  if (std::ranges::any_of(hosts, [](auto host) { return host.size() > srp::kMaxHostName; })) {
    return "!E:hostname-toolong\n";
  }
  if (command == "LIST" || command == "LISTALL") return list(command == "LISTALL");

  if (command == "PROBE") return probe();

  const bool is_plain = std::ranges::find(kPlainCommands, command) != kPlainCommands.end();
  const bool is_delta = command.starts_with(kDelta);
  const bool is_other = command == "CANCEL" || command == "STATUS";
  if (!is_plain && !is_delta && !is_other) return std::nullopt;
  if (is_delta && !wire::is_uuid(command.substr(kDelta.size()))) {
    return refusal("uuid-format", command.substr(kDelta.size()));
  }
  if (hosts.empty()) return "!E:message-format:this command requires a hostname\n";
  const auto clients = find_clients(hosts);
  if (!clients) return clients.error().what;
  if (command == "STATUS") return status(*clients);
  return command == "CANCEL" ? cancel(*clients) : order(command, *clients);
}

/// Several clients share no key, so that the last of each would win: one at a time.
std::string Orders::status(std::span<const std::string> clients) const {
  if (clients.size() > 1) return "!E:message-format:one client at a time; see CLIENTS\n";
  const Client& client = *parts_.roster.clients().find(clients[0])->second;
  const auto waiting = parts_.commands.pending().find(client.name());
  const std::size_t count = waiting == parts_.commands.pending().end() ? 0 : waiting->second.size();
  return status_of({{"client", client.name()},
                    {"state", std::string{word(client.state)}},
                    {"last_contact", std::to_string(client.last_contact_ns / kNanoseconds)},
                    {"address", client.address.empty() ? "-" : client.address},
                    {"last_number", std::to_string(client.last_seq)},
                    {"has_session", client.session ? "yes" : "no"},
                    {"commands_pending", std::to_string(count)}});
}

Result<std::vector<std::string>> Orders::find_clients(
    std::span<const std::string_view> hosts) const {
  std::set<std::string> found;
  for (const std::string_view host : hosts) {
    const std::string name = base::lower(host);
    bool is_known = false;
    for (const auto& [client, state] : parts_.roster.clients()) {
      if (client != name && !(is_pattern(name) && fnmatch(name.c_str(), client.c_str(), 0) == 0)) {
        continue;
      }
      is_known = true;
      found.insert(client);
    }
    if (!is_known) {
      return Error{Error::Kind::Missing,
                   refusal("hostname-unknown", fmt::format("no registered client {}", host))};
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

std::string Orders::order(std::string_view words, std::span<const std::string> clients) {
  const auto queued = parts_.commands.queue(clients, words, parts_.clock.now_ns());
  if (!queued) return refusal("not-kept", queued.error().text());
  push(*queued);
  std::string text;
  for (const Commands::Queued& one : *queued) {
    text += row(one.client, words, one.is_new ? "queued" : "waiting");
  }
  return text;
}

std::string Orders::cancel(std::span<const std::string> clients) {
  std::string text;
  for (const std::string& client : clients) {
    for (const Commands::Entry& entry : parts_.commands.cancel(client)) {
      text += row(client, entry.words, "cancelled");
    }
  }
  if (auto saved = parts_.commands.save(); !saved) {
    return refusal("not-kept", saved.error().text());
  }
  return text;
}

std::string Orders::probe() {
  std::vector<std::string> outdated;
  for (const auto& [name, client] : parts_.roster.clients()) {
    if (client->is_up && is_outdated(*client)) outdated.push_back(name);
  }
  return outdated.empty() ? std::string{} : order("RELOAD", outdated);
}

/// What we know of is its start and the last RELOAD that it confirmed: after a SIGHUP on its own
/// host it is told once more.
bool Orders::is_outdated(const Client& client) const {
  std::int64_t loaded_ns = client.reached_ns[static_cast<std::size_t>(ClientState::Started)];
  const auto sent = parts_.commands.sent().find(client.name());
  if (sent != parts_.commands.sent().end()) {
    const auto reload = sent->second.find("RELOAD");
    const bool is_done =
        reload != sent->second.end() && reload->second.outcome == Commands::Outcome::Executed;
    if (is_done) loaded_ns = std::max(loaded_ns, reload->second.time_ns);
  }
  for (const std::string& name : names_of(wire::FileKind::Configuration, client.name(), {})) {
    struct stat facts {};
    if (stat((parts_.settings.data_path + "/" + name).c_str(), &facts) != 0) continue;
    return facts.st_mtim.tv_sec * kNanoseconds + facts.st_mtim.tv_nsec > loaded_ns;
  }
  return false;
}

void Orders::push(std::span<const Commands::Queued> clients) {
  std::set<std::string_view> names;
  for (const Commands::Queued& one : clients) names.insert(one.client);
  std::vector<ConnectionId> ready;
  parts_.connections.for_each([&](const Connection& connection) {
    if (connection.is_current_member() && names.contains(connection.client->name())) {
      ready.push_back(connection.id);
    }
  });
  for (const ConnectionId id : ready) {
    Connection* connection = parts_.connections.find(id);
    if (connection == nullptr) continue;
    parts_.connections.order(
        *connection, parts_.commands.due(connection->client->name(), parts_.clock.now_ns()));
  }
}

std::string Orders::list(bool has_sent) const {
  std::string text;
  for (const auto& [client, entries] : parts_.commands.pending()) {
    for (const Commands::Entry& entry : entries) text += listed("pending", client, entry);
  }
  if (!has_sent) return text;
  for (const auto& [client, entries] : parts_.commands.sent()) {
    for (const auto& [kind, entry] : entries) text += listed(word(entry.outcome), client, entry);
  }
  return text;
}

}  // namespace samhain::server
