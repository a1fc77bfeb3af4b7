#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace samhain::test {

/// A clock that stands still until it is told to go on.
class FakeClock final : public base::Clock {
 public:
  std::int64_t now_ns() const override { return now_ns_; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{now_ns_}};
  }
  void advance(std::chrono::nanoseconds step) { now_ns_ += step.count(); }

 private:
  std::int64_t now_ns_ = 1'795'378'757'000'000'000;
};

}  // namespace samhain::test
