#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

#include "samhain/result.h"

namespace samhain::policy {

/// One line of a schedule: the five fields of crontab(5), by this host's time zone.
///
/// As there, a day is one that fits both the day of the month and the day of the week, or either
/// where both are restricted; months count from 1; and what a clock that is put forward leaps over
/// is caught up. Besides, two runs never come nearer than the step of the finest field that has
/// one: an hour of `* */2 * * *` means one run in two hours, not sixty.
class Schedule {
 public:
  /// Errors: Malformed; a day that never comes is one of them.
  static Result<Schedule> parse(std::string_view value);

  /// The first minute of the schedule after `after`, in seconds since the epoch; `last` is when
  /// this line was run last.  Nothing: not within the next nine years.
  std::optional<std::int64_t> next(std::int64_t after, std::optional<std::int64_t> last) const;
  bool operator==(const Schedule&) const = default;

 private:
  struct Field;
  bool fits_day(const std::tm& time) const;
  bool fits(const std::tm& time) const;
  bool fits_between(std::int64_t from, std::int64_t to) const;
  bool can_ever_fit() const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> month_days_;
  std::bitset<13> months_;
  std::bitset<7> week_days_;
  bool is_any_month_day_ = false;
  bool is_any_week_day_ = false;
  std::chrono::seconds distance_{0};  ///< of two runs, at least
};

/// All lines of one schedule, and when each was run last.
class Timetable {
 public:
  void add(Schedule line) { lines_.push_back({line, std::nullopt}); }
  void clear() { lines_.clear(); }
  bool is_empty() const { return lines_.empty(); }
  /// Lines that `before` had, too, were run when they were there.
  void go_on_from(const Timetable& before);

  /// The first minute of any line after `after`.
  std::optional<std::int64_t> next(std::int64_t after) const;
  /// A run begins at `now` for every line whose next minute after `after` has come.
  void note_run(std::int64_t after, std::int64_t now);

 private:
  struct Line {
    Schedule schedule;
    std::optional<std::int64_t> last;
  };
  std::vector<Line> lines_;
};

}  // namespace samhain::policy
