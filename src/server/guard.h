#pragma once

#include <string_view>

#include "server/connections.h"
#include "server/limiter.h"
#include "server/notices.h"
#include "server/tally.h"

namespace samhain::server {

/// What follows when a connection misbehaves: a line, a count against its address, its end.
class Guard {
 public:
  /// Lines about broken protocol that one address gets in a minute; a flood of them says no more.
  static constexpr unsigned kMaxLines = 100;

  Guard(const base::Clock& clock, Limiter& limiter, Notices& notices, Connections& connections,
        Roster& roster, Tally& tally)
      : limiter_(limiter),
        lines_(clock, kMaxLines),
        ends_(clock, 1),
        notices_(notices),
        connections_(connections),
        roster_(roster),
        tally_(tally) {}

  /// Too many failures from its address: refused, with a line once a minute.
  bool is_blocked(Connection& connection);

  void count_failure(const Connection& connection) { limiter_.count_failure(connection.limit_key); }

  /// A failed attempt to authenticate: `event`, or `reason` for one without an event of its own.
  void blame(Connection& connection, const report::Event& event);
  void blame(Connection& connection, std::string_view reason);

  /// The peer broke the protocol: a line, and the connection is closed by us.
  void violate(Connection& connection, std::string_view reason);
  /// The same for a peer that is to know: it is refused.
  void turn_away(Connection& connection, std::string_view reason);
  /// It is closed already.
  void violated(Connection& connection, std::string_view reason);

  /// Its connection broke: a line, for a stranger one a minute of each kind and address.
  void tell_end(const Connection& connection, const report::Event& event);

 private:
  void tell_invalid(const Connection& connection, std::string_view reason);
  void tell_violation(const Connection& connection, std::string_view reason);
  Limiter& limiter_;
  Limiter lines_;
  Limiter ends_;
  Notices& notices_;
  Connections& connections_;
  Roster& roster_;
  Tally& tally_;
};

}  // namespace samhain::server
