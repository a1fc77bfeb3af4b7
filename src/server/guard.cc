#include "server/guard.h"

#include <string>

namespace samhain::server {

bool Guard::is_blocked(Connection& connection) {
  if (!limiter_.is_blocked(connection.limit_key)) return false;
  ++tally_.too_many_attempts;
  if (limiter_.may_tell(connection.limit_key)) {
    notices_.tell(report::kTooManyAttempts,
                  {{"client", connection.shown_name()}, {"peer", connection.address}});
  }
  return true;
}

void Guard::blame(Connection& connection, const report::Event& event) {
  limiter_.count_failure(connection.limit_key);
  notices_.tell(event, {{"client", connection.shown_name()}});
}

void Guard::blame(Connection& connection, std::string_view reason) {
  limiter_.count_failure(connection.limit_key);
  tell_invalid(connection, reason);
}

void Guard::violate(Connection& connection, std::string_view reason) {
  tell_violation(connection, reason);
  connections_.close(connection);
}

void Guard::turn_away(Connection& connection, std::string_view reason) {
  tell_violation(connection, reason);
  connections_.refuse(connection, wire::Refusal::BadRequest);
}

void Guard::violated(Connection& connection, std::string_view reason) {
  tell_violation(connection, reason);
  connections_.forget(connection);
}

void Guard::tell_end(const Connection& connection, const report::Event& event) {
  const std::string key = std::string{event.message} + " " + connection.limit_key;
  if (!connection.is_member() && !ends_.may_tell(key)) return;
  notices_.tell(event, {{"client", connection.shown_name()}});
}

void Guard::tell_violation(const Connection& connection, std::string_view reason) {
  ++tally_.violations;
  if (connection.client != nullptr && !connection.is_visitor())
    roster_.note_failure(*connection.client);
  if (!lines_.is_blocked(connection.limit_key)) {
    lines_.count_failure(connection.limit_key);
    return tell_invalid(connection, reason);
  }
  if (lines_.may_tell(connection.limit_key)) tell_invalid(connection, "Too many violations");
}

void Guard::tell_invalid(const Connection& connection, std::string_view reason) {
  notices_.tell_filled(report::kInvalidAttempt, {reason},
                       {{"client", connection.shown_name()}, {"peer", connection.address}});
}

}  // namespace samhain::server
