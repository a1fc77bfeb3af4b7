#include "server/status.h"

#include <fmt/format.h>

#include "base/text.h"

namespace samhain::server {

std::string list_of(const Roster& roster) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  std::string text;
  for (const auto& [name, client] : roster.clients()) {
    text += fmt::format("{}\t{}\t{}\t{}\t{}\n", base::printable(name), word(client->state),
                        client->last_contact_ns / kNanoseconds,
                        client->address.empty() ? "-" : client->address, client->last_seq);
  }
  return text;
}

std::string status_of(const StatusLines& lines) {
  std::string text;
  for (const auto& [key, value] : lines) {
    text += fmt::format("{}\t{}\n", key, base::printable(value));
  }
  return text;
}

}  // namespace samhain::server
