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
  Guard(Limiter& limiter, Notices& notices, Connections& connections, Tally& tally)
      : limiter_(limiter), notices_(notices), connections_(connections), tally_(tally) {}

  /// Too many failures from its address: refused, with a line once a minute.
  bool is_blocked(Connection& connection);

  void count_failure(const Connection& connection) { limiter_.count_failure(connection.address); }

  /// Says `event` about the connection, as long as its address has not filled its share of lines.
  void blame(Connection& connection, const report::Event& event);
  void blame(Connection& connection, std::string_view reason);

  /// The same for a peer that broke the protocol; the connection is closed by us.
  void violate(Connection& connection, std::string_view reason);
  /// It is closed already.
  void violated(Connection& connection, std::string_view reason);

 private:
  bool may_tell(const Connection& connection);
  Limiter& limiter_;
  Notices& notices_;
  Connections& connections_;
  Tally& tally_;
};

}  // namespace samhain::server
