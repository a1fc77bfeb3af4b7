#include "server/limiter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace samhain::server {

std::string limit_key(const std::string& address) {
  constexpr std::ptrdiff_t kPrefix = 8;
  in6_addr raw{};
  const std::string without_scope = address.substr(0, address.find('%'));
  if (inet_pton(AF_INET6, without_scope.c_str(), &raw) != 1) return address;
  std::fill(std::begin(raw.s6_addr) + kPrefix, std::end(raw.s6_addr), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(AF_INET6, &raw, text.data(), text.size()) == nullptr) return address;
  return std::string{text.data()} + "/64";
}

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
