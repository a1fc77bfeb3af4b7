#include "server/visits.h"

#include <algorithm>
#include <utility>

#include "report/catalog.h"

namespace samhain::server {

void Visits::begin(Connection& connection, Session session) {
  make_room(*connection.client);
  session.expires_at = clock_.steady() + kLongest;
  connection.session = session.id;
  connection.visit = std::make_unique<Session>(std::move(session));
  ids_.push_back(connection.id);
  notices_.tell(report::kConnectionTest, {{"client", connection.client->name()}});
}

void Visits::make_room(const Client& client) {
  std::erase_if(ids_, [this](ConnectionId id) { return connections_.find(id) == nullptr; });
  const auto is_of_client = [&](ConnectionId id) {
    return connections_.find(id)->client == &client;
  };
  const auto count = std::count_if(ids_.begin(), ids_.end(), is_of_client);
  if (static_cast<std::size_t>(count) < kMaxOfClient) return;
  const auto oldest = std::find_if(ids_.begin(), ids_.end(), is_of_client);
  connections_.close(*connections_.find(*oldest));
  ids_.erase(oldest);
}

void Visits::end_overdue() {
  while (!ids_.empty()) {
    Connection* oldest = connections_.find(ids_.front());
    if (oldest != nullptr) {
      if (clock_.steady() < oldest->visit->expires_at) return;
      connections_.close(*oldest);
    }
    ids_.pop_front();
  }
}

}  // namespace samhain::server
