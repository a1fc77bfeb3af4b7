#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "server/commands.h"
#include "server/connections.h"
#include "server/roster.h"
#include "server/settings.h"

namespace samhain::server {

/// The desk where administrators give commands for clients and look after them (yulectl(8)):
/// `WORD HOST…`, a HOST being a registered name in any case or a pattern (glob(7)).
class Orders {
 public:
  struct Parts {
    const base::Clock& clock;
    const Settings& settings;
    const Roster& roster;
    Commands& commands;
    Connections& connections;
  };
  explicit Orders(Parts parts) : parts_(parts) {}

  /// The answer's lines, fields between tabs; nothing for a word that is none of ours.
  /// LIST, LISTALL: `pending|sent|executed|refused CLIENT COMMAND TIME ID`, time in seconds;
  /// orders: `CLIENT COMMAND queued|waiting|cancelled` for each client; STATUS HOST: `KEY VALUE`.
  std::optional<std::string> answer(std::span<const std::string_view> words);

  /// Gives waiting commands to those of `clients` that are connected, now.
  void push(std::span<const Commands::Queued> clients);

 private:
  std::string list(bool has_sent) const;
  std::string order(std::string_view words, std::span<const std::string> clients);
  std::string status(std::span<const std::string> clients) const;
  /// RELOAD for each client that runs and began with an older configuration than it gets now.
  std::string probe();
  bool is_outdated(const Client& client) const;
  std::string cancel(std::span<const std::string> clients);
  /// Errors: Missing (a name that is not registered, a pattern that fits none; its text is the
  /// answer).
  Result<std::vector<std::string>> find_clients(std::span<const std::string_view> hosts) const;
  Parts parts_;
};

}  // namespace samhain::server
