#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "base/clock.h"
#include "server/connections.h"
#include "server/notices.h"

namespace samhain::server {

/// Visitors: whoever proves a client's password but comes without a spool (docs/protocol.md section
/// 4), to see whether it could.  Each has a session of its own, for its one connection; the
/// client's session, state and commands know nothing of it.
class Visits {
 public:
  /// Longer than a client takes to give up, so that no visit is cut off that somebody waits for.
  static constexpr std::chrono::seconds kLongest{120};
  /// Of one client at a time; when another begins the oldest ends.
  static constexpr std::size_t kMaxOfClient = 4;

  Visits(const base::Clock& clock, Connections& connections, Notices& notices)
      : clock_(clock), connections_(connections), notices_(notices) {}

  /// The connection, whose client has proven itself, becomes a visitor's.
  void begin(Connection& connection, Session session);
  /// Ends those that take too long.  To be called every few seconds.
  void end_overdue();

 private:
  void make_room(const Client& client);
  const base::Clock& clock_;
  Connections& connections_;
  Notices& notices_;
  std::deque<ConnectionId> ids_;  ///< the oldest first; some may be over
};

}  // namespace samhain::server
