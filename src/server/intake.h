#pragma once

#include <vector>

#include "base/clock.h"
#include "server/commands.h"
#include "server/connections.h"
#include "server/guard.h"
#include "server/journal.h"
#include "server/notices.h"
#include "server/roster.h"
#include "server/settings.h"
#include "sink/dispatcher.h"

namespace samhain::server {

/// Reports of members: checked, stamped, given to the sinks, and acknowledged when they are
/// durable.
class Intake {
 public:
  struct Parts {
    const base::Clock& clock;
    const Settings& settings;
    Roster& roster;
    Journal& journal;
    sink::Dispatcher& dispatcher;
    Connections& connections;
    Commands& commands;
    Guard& guard;
    Notices& notices;
    Tally& tally;
  };
  explicit Intake(Parts parts) : parts_(parts) {}

  void on_report(Connection& connection, ByteView payload);

  /// Is the member's session the client's session of now?  Else it was told so, and the connection
  /// is gone.
  bool is_current(Connection& connection);

  /// The end of a batch: everything gathered becomes durable, then it is acknowledged.  Called at
  /// the end of each round of the loop: what arrives while one batch is flushed is the next one.
  /// Where the disk fails, tried again once a second.
  void commit();

 private:
  bool is_authentic(Connection& connection, const wire::Report& report);
  void accept(Connection& connection, const wire::Report& message, Report report);
  bool gather(const Report& report);
  void owe_ack(Connection& connection, std::uint64_t seq);
  void send_acks();
  Parts parts_;
  std::vector<ConnectionId> to_ack_;
  std::chrono::steady_clock::time_point next_try_{};
};

/// A client's name as log lines show it: without its domain where so set, numeric ones never cut.
std::string displayed_name(const std::string& name, bool strips_domain);

}  // namespace samhain::server
