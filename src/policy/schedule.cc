#include "policy/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/text.h"

namespace samhain::policy {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kDay = 86'400;
/// From one 29th of February to the next there can be eight years.
constexpr std::int64_t kHorizon = std::int64_t{9} * 366 * kDay;
/// Days are not all of one length: where the clock is changed one has 23 hours.
constexpr std::int64_t kTolerance = 7'200;

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kWeekDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                       "thursday", "friday", "saturday"};
constexpr std::array<int, 13> kLongestMonth = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

Error malformed(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

std::tm local(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm result{};
  localtime_r(&seconds, &result);
  return result;
}

/// What the clock on the wall shows, counted as if there were no time zones.
std::int64_t wall(std::tm time) { return timegm(&time); }

std::tm from_wall(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm result{};
  gmtime_r(&seconds, &result);
  return result;
}

}  // namespace

/// One of the five fields: what may stand in it.
struct Schedule::Field {
  std::string_view title;
  int lowest;
  int highest;
  std::span<const std::string_view> names;  ///< the first means `lowest`
  std::chrono::seconds unit;

  Result<int> value_of(std::string_view text) const {
    if (const auto number = base::to_number<int>(text); number) {
      if (*number >= lowest && *number <= highest) return *number;
    } else if (text.size() >= 3) {
      const std::string lower = base::lower(text);
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].starts_with(lower)) return lowest + static_cast<int>(i);
      }
    }
    return malformed(fmt::format(
        "{} is no {}; give {} to {}{}", text, title, lowest, highest,
        names.empty() ? "" : ", or a name such as " + std::string{names[0].substr(0, 3)}));
  }

  struct Range {
    int first;
    int last;
    int step = 1;
  };
  Result<Range> range_of(std::string_view text) const {
    const std::size_t slash = text.find('/');
    std::string_view span = text.substr(0, slash);
    Range range{lowest, highest};
    if (slash != std::string_view::npos) {
      const auto step = base::to_number<int>(text.substr(slash + 1));
      if (!step || *step < 1 || *step > highest) {
        return malformed(
            fmt::format("bad step in {}; give /N with a number from 1 to {}", text, highest));
      }
      range.step = *step;
    }
    if (span == "*") return range;
    const std::size_t dash = span.find('-');
    const auto first = value_of(span.substr(0, dash));
    if (!first) return first.error();
    range.first = *first;
    if (dash == std::string_view::npos) {
      if (slash == std::string_view::npos) range.last = range.first;
      return range;
    }
    const auto last = value_of(span.substr(dash + 1));
    if (!last) return last.error();
    range.last = *last;
    // Fri-Sun is meant that way, though Sunday is 0.
    if (range.last == 0 && highest == 7) range.last = 7;
    if (range.last < range.first) {
      return malformed(fmt::format("{} ends before it begins; give the lower end first", text));
    }
    return range;
  }

  /// Sets the bits of a field; `step`: the smallest that it has.
  template <std::size_t kBits>
  Result<void> read(std::string_view text, std::bitset<kBits>& bits,
                    std::optional<int>& step) const {
    const auto items = base::split(text, ",");
    if (items.empty()) return malformed(fmt::format("empty {}; give * for any", title));
    for (const std::string_view item : items) {
      const auto range = range_of(item);
      if (!range) return range.error();
      for (int i = range->first; i <= range->last; i += range->step) {
        bits.set(static_cast<std::size_t>(i) % kBits);
      }
      if (range->step > 1) step = std::min(step.value_or(range->step), range->step);
    }
    return {};
  }
};

Result<Schedule> Schedule::parse(std::string_view value) {
  using std::chrono::days;
  using std::chrono::hours;
  using std::chrono::minutes;
  static constexpr Field kMinuteField{"minute", 0, 59, {}, minutes(1)};
  static constexpr Field kHourField{"hour", 0, 23, {}, hours(1)};
  static constexpr Field kMonthDayField{"day of the month", 1, 31, {}, days(1)};
  static constexpr Field kMonthField{"month", 1, 12, kMonths, days(28)};
  static constexpr Field kWeekDayField{"day of the week", 0, 7, kWeekDays, days(1)};

  const auto texts = base::split(value, " \t");
  if (texts.size() != 5) {
    return malformed(
        fmt::format("{} fields; give five: minute, hour, day of the month, month, day of the week",
                    texts.size()));
  }
  Schedule schedule;
  // From the finest on: the first step counts.
  const auto read = [&schedule](const Field& field, std::string_view text,
                                auto& bits) -> Result<void> {
    std::optional<int> step;
    if (auto done = field.read(text, bits, step); !done) return done;
    if (step && schedule.distance_.count() == 0) schedule.distance_ = *step * field.unit;
    return {};
  };
  if (auto done = read(kMinuteField, texts[0], schedule.minutes_); !done) return done.error();
  if (auto done = read(kHourField, texts[1], schedule.hours_); !done) return done.error();
  if (auto done = read(kMonthDayField, texts[2], schedule.month_days_); !done) return done.error();
  if (auto done = read(kWeekDayField, texts[4], schedule.week_days_); !done) return done.error();
  if (auto done = read(kMonthField, texts[3], schedule.months_); !done) return done.error();
  schedule.is_any_month_day_ = texts[2].starts_with('*');
  schedule.is_any_week_day_ = texts[4].starts_with('*');
  if (!schedule.can_ever_fit()) {
    return malformed("no month has this day; give one that comes");
  }
  return schedule;
}

bool Schedule::can_ever_fit() const {
  if (!is_any_week_day_ || is_any_month_day_) return true;
  for (std::size_t month = 1; month <= 12; ++month) {
    if (!months_[month]) continue;
    for (int day = 1; day <= kLongestMonth[month]; ++day) {
      if (month_days_[static_cast<std::size_t>(day)]) return true;
    }
  }
  return false;
}

bool Schedule::fits_day(const std::tm& time) const {
  if (!months_[static_cast<std::size_t>(time.tm_mon) + 1]) return false;
  const bool fits_month_day = month_days_[static_cast<std::size_t>(time.tm_mday)];
  const bool fits_week_day = week_days_[static_cast<std::size_t>(time.tm_wday)];
  if (is_any_month_day_ || is_any_week_day_) return fits_month_day && fits_week_day;
  return fits_month_day || fits_week_day;
}

bool Schedule::fits(const std::tm& time) const {
  return fits_day(time) && hours_[static_cast<std::size_t>(time.tm_hour)] &&
         minutes_[static_cast<std::size_t>(time.tm_min)];
}

/// A minute that the clock on the wall leaps over, from `from` up to and without `to`.
bool Schedule::fits_between(std::int64_t from, std::int64_t to) const {
  for (std::int64_t time = from; time < std::min(to, from + kDay); time += kMinute) {
    if (fits(from_wall(time))) return true;
  }
  return false;
}

std::optional<std::int64_t> Schedule::next(std::int64_t after,
                                           std::optional<std::int64_t> last) const {
  std::int64_t time = after - after % kMinute + kMinute;
  std::int64_t expected = wall(local(time));
  const std::int64_t tolerance = distance_.count() >= kDay ? kTolerance : 0;
  while (time - after < kHorizon) {
    const std::tm now = local(time);
    const bool is_too_near =
        last && time - (*last - *last % kMinute) < distance_.count() - tolerance;
    if (!is_too_near && (fits(now) || fits_between(expected, wall(now)))) return time;
    const bool is_near = fits_day(now) && hours_[static_cast<std::size_t>(now.tm_hour)];
    const std::int64_t step = is_near ? kMinute : (60 - now.tm_min) * kMinute;
    expected = wall(now) + step;
    time += step;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Timetable::next(std::int64_t after) const {
  std::optional<std::int64_t> first;
  for (const Line& line : lines_) {
    const auto time = line.schedule.next(after, line.last);
    if (time && (!first || *time < *first)) first = time;
  }
  return first;
}

void Timetable::go_on_from(const Timetable& before) {
  for (Line& line : lines_) {
    const auto same = std::ranges::find(before.lines_, line.schedule, &Line::schedule);
    if (same != before.lines_.end()) line.last = same->last;
  }
}

void Timetable::note_run(std::int64_t after, std::int64_t now) {
  for (Line& line : lines_) {
    const auto time = line.schedule.next(after, line.last);
    if (time && *time <= now) line.last = now;
  }
}

}  // namespace samhain::policy
