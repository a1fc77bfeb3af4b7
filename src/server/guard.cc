#include "server/guard.h"

#include <string>

namespace samhain::server {

bool Guard::is_blocked(Connection& connection) {
  if (!limiter_.is_blocked(connection.address)) return false;
  ++tally_.too_many_attempts;
  if (limiter_.may_tell(connection.address)) {
    notices_.tell(report::kTooManyAttempts,
                  {{"client", connection.shown_name()}, {"peer", connection.address}});
  }
  return true;
}

bool Guard::may_tell(const Connection& connection) {
  const bool was_blocked = limiter_.is_blocked(connection.address);
  limiter_.count_failure(connection.address);
  return !was_blocked;
}

void Guard::blame(Connection& connection, const report::Event& event) {
  if (!may_tell(connection)) {
    (void)is_blocked(connection);
    return;
  }
  notices_.tell(event, {{"client", connection.shown_name()}});
}

void Guard::blame(Connection& connection, std::string_view reason) {
  if (!may_tell(connection)) {
    (void)is_blocked(connection);
    return;
  }
  notices_.tell_filled(report::kInvalidAttempt, {reason},
                       {{"client", connection.shown_name()}, {"peer", connection.address}});
}

void Guard::violate(Connection& connection, std::string_view reason) {
  ++tally_.violations;
  blame(connection, reason);
  connections_.close(connection);
}

void Guard::violated(Connection& connection, std::string_view reason) {
  ++tally_.violations;
  blame(connection, reason);
  connections_.forget(connection);
}

}  // namespace samhain::server
