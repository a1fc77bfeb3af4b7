#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace samhain::base {

/// Wall time for reports, steady time for deadlines; tests hold one they can set.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t now_ns() const = 0;  ///< since the epoch
  virtual std::chrono::steady_clock::time_point steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t now_ns() const override;
  std::chrono::steady_clock::time_point steady() const override;
};

/// Local time with offset, the form of a line's head: 2026-11-22T20:48:52+0000.
std::string local_time(std::int64_t time_ns);

/// UTC without zone, the form inside file reports: 2026-11-22T20:48:52.
std::string utc_time(std::int64_t seconds);

}  // namespace samhain::base
