#pragma once

#include <cstddef>
#include <vector>

#include "server/connections.h"
#include "server/limiter.h"
#include "server/lookups.h"
#include "server/notices.h"
#include "server/settings.h"
#include "server/tally.h"
#include "sys/loop.h"

namespace samhain::server {

/// Takes connections from the listening sockets, has libwrap judge them before a byte is read, and
/// passes them on to the fronts.  Bounds: all connections together, and those of one address that
/// are not authenticated (the oldest of them goes when a new one comes).
class Acceptor {
 public:
  struct Parts {
    sys::Loop& loop;
    const base::Clock& clock;
    const Settings& settings;
    Connections& connections;
    Lookups& lookups;
    const Roster& roster;
    Limiter& limiter;
    Notices& notices;
    Tally& tally;
  };
  Acceptor(Parts parts, std::vector<UniqueFd> listeners, std::size_t max_connections)
      : parts_(parts),
        refusals_(parts.clock, kMaxRefusals),
        listeners_(std::move(listeners)),
        max_connections_(max_connections) {}

  /// Lines about libwrap's refusals that one address gets in a minute.
  static constexpr unsigned kMaxRefusals = 10;

  Result<void> start();
  /// While paused, connections wait in the kernel's backlog.
  void pause() { is_paused_ = true; }
  void resume() { is_paused_ = false; }
  /// Once a round: listens or not, as room and pause have it.
  Result<void> adjust();
  std::size_t max_connections() const { return max_connections_; }
  int socket_id() const { return listeners_.front().get(); }

 private:
  void accept_some(int listener);
  void take(UniqueFd socket);
  void make_room(const std::string& address);
  void tell_refused(const std::string& address);
  void on_verdict(ConnectionId id, bool is_allowed);
  void rest();
  Parts parts_;
  Limiter refusals_;
  std::vector<UniqueFd> listeners_;
  std::size_t max_connections_;
  bool is_paused_ = false;
  bool is_resting_ = false;  ///< no descriptors left: a moment's rest
  bool is_listening_ = false;
};

}  // namespace samhain::server
