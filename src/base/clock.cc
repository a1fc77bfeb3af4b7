#include "base/clock.h"

#include <time.h>

#include <array>

namespace samhain::base {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::string format(const char* pattern, const tm& parts) {
  std::array<char, 64> text{};
  const std::size_t length = strftime(text.data(), text.size(), pattern, &parts);
  return {text.data(), length};
}

}  // namespace

std::int64_t SystemClock::now_ns() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kNsPerSecond + now.tv_nsec;
}

std::chrono::steady_clock::time_point SystemClock::steady() const {
  return std::chrono::steady_clock::now();
}

std::string local_time(std::int64_t time_ns) {
  const time_t seconds = time_ns / kNsPerSecond;
  tm parts{};
  localtime_r(&seconds, &parts);
  return format("%Y-%m-%dT%H:%M:%S%z", parts);
}

std::string utc_time(std::int64_t seconds) {
  const time_t value = seconds;
  tm parts{};
  gmtime_r(&value, &parts);
  return format("%Y-%m-%dT%H:%M:%S", parts);
}

}  // namespace samhain::base
