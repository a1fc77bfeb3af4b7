#include "server/limiter.h"

namespace samhain::server {

bool Limiter::is_blocked(const std::string& address) {
  const auto found = records_.find(address);
  if (found == records_.end()) return false;
  return found->second.failures >= limit_ && clock_.steady() - found->second.since < kWindow;
}

void Limiter::count_failure(const std::string& address) {
  Record& record = record_of(address);
  const auto now = clock_.steady();
  if (record.failures == 0 || now - record.since >= kWindow) {
    record.since = now;
    record.failures = 0;
  }
  ++record.failures;
}

bool Limiter::may_tell(const std::string& address) {
  Record& record = record_of(address);
  const auto now = clock_.steady();
  if (record.has_told && now - record.told < kWindow) return false;
  record.has_told = true;
  record.told = now;
  return true;
}

Limiter::Record& Limiter::record_of(const std::string& address) {
  const auto found = records_.find(address);
  if (found != records_.end()) return found->second;
  if (records_.size() >= kMaxAddresses) make_room();
  return records_[address];
}

void Limiter::make_room() {
  const auto now = clock_.steady();
  std::erase_if(records_, [now](const auto& entry) {
    const Record& record = entry.second;
    return now - record.since >= kWindow && now - record.told >= kWindow;
  });
  // An attack from more addresses than that in one minute: forgetting all is fair and bounded.
  if (records_.size() >= kMaxAddresses) records_.clear();
}

}  // namespace samhain::server
