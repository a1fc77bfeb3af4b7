#include "agent/timing.h"

#include <algorithm>
#include <utility>

namespace samhain::agent {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60;
constexpr milliseconds kLongest = std::chrono::hours(24);

}  // namespace

std::int64_t Timing::now() const { return clock_.now_ns() / kNsPerSecond; }

void Timing::follow(Plan plan) {
  plan.first.go_on_from(plan_.first);
  plan.second.go_on_from(plan_.second);
  plan_ = std::move(plan);
  const std::int64_t minute_before = now() - kMinute;
  first_since_ = std::max(first_since_, minute_before);
  second_since_ = std::max(second_since_, minute_before);
}

Due Timing::due() const {
  const auto has_come = [this](const policy::Timetable& table, std::int64_t since) {
    const auto next = table.next(since);
    return next && *next <= now();
  };
  Due due;
  due.is_first = plan_.first.is_empty() ? !began_ || clock_.steady() - *began_ >= plan_.interval
                                        : has_come(plan_.first, first_since_);
  due.is_second = plan_.second.is_empty() ? due.is_first : has_come(plan_.second, second_since_);
  return due;
}

void Timing::note_run(Due due) {
  if (due.is_first) {
    plan_.first.note_run(first_since_, now());
    first_since_ = now();
    began_ = clock_.steady();
  }
  if (due.is_second) {
    plan_.second.note_run(second_since_, now());
    second_since_ = now();
  }
}

milliseconds Timing::delay() const {
  milliseconds delay = kLongest;
  const auto consider = [&](const policy::Timetable& table, std::int64_t since) {
    const auto next = table.next(since);
    if (!next) return;
    // To the beginning of the minute, not to a second of it.
    const std::int64_t rest = *next * 1000 - clock_.now_ns() / 1'000'000;
    delay = std::min(delay, milliseconds(std::max<std::int64_t>(rest, 0)));
  };
  if (!plan_.first.is_empty()) {
    consider(plan_.first, first_since_);
  } else if (!began_) {
    delay = milliseconds(0);
  } else {
    const auto rest = *began_ + plan_.interval - clock_.steady();
    delay = std::clamp(std::chrono::ceil<milliseconds>(rest), milliseconds(0), delay);
  }
  if (!plan_.second.is_empty()) consider(plan_.second, second_since_);
  return delay;
}

}  // namespace samhain::agent
