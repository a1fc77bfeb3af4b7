#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace samhain::server {

/// What limits for each address count by.  IPv6: the /64, for who has one address there has all of
/// them; IPv4: the address itself.
std::string limit_key(const std::string& address);

/// Counts failed attempts of each peer address, so that a stranger can neither make the gates work
/// nor fill the log: from `limit` failures in a minute on the address is blocked until the minute
/// is over, and what is said about it is at most one line a minute.  Bounded in memory.
class Limiter {
 public:
  Limiter(const base::Clock& clock, unsigned limit) : clock_(clock), limit_(limit) {}
  void set_limit(unsigned limit) { limit_ = limit; }

  bool is_blocked(const std::string& address);
  void count_failure(const std::string& address);
  /// True once a minute for each address: now is the time for the line.
  bool may_tell(const std::string& address);
  std::size_t size() const { return records_.size(); }

  static constexpr std::chrono::seconds kWindow{60};
  static constexpr std::size_t kMaxAddresses = 65'536;

 private:
  struct Record {
    std::chrono::steady_clock::time_point since{};  ///< first failure of this window
    std::chrono::steady_clock::time_point told{};
    unsigned failures = 0;
    bool has_told = false;
  };
  Record& record_of(const std::string& address);
  void make_room();
  const base::Clock& clock_;
  unsigned limit_;
  std::unordered_map<std::string, Record> records_;
};

}  // namespace samhain::server
