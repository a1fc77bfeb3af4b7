#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "policy/schedule.h"

namespace samhain::agent {

/// What is to be checked: by the first schedule, and by the second (%SCHEDULE_TWO).
struct Due {
  bool is_first = true;
  bool is_second = true;
  bool is_any() const { return is_first || is_second; }
};

/// When a looping agent checks, and what: every so many seconds, or by the lines of
/// FileCheckScheduleOne, and the directories of the second schedule by those of
/// FileCheckScheduleTwo.  Without the latter they are checked with all else.
class Timing {
 public:
  struct Plan {
    std::chrono::seconds interval{600};  ///< where there is no first schedule
    policy::Timetable first{};
    policy::Timetable second{};
  };

  explicit Timing(const base::Clock& clock) : clock_(clock) {}
  /// From now on.  A minute that is running counts; what was due before does not.  A line
  /// that was there before keeps its distance to its last run.
  void follow(Plan plan);

  Due due() const;
  void note_run(Due due);  ///< begins now
  /// Until something is due; zero if it is.  A schedule that never comes again: a day.
  std::chrono::milliseconds delay() const;

 private:
  std::int64_t now() const;

  const base::Clock& clock_;
  Plan plan_;
  std::int64_t first_since_ = 0;  ///< seconds since the epoch: what came until then is done
  std::int64_t second_since_ = 0;
  std::optional<std::chrono::steady_clock::time_point> began_;  ///< the last check, by interval
};

}  // namespace samhain::agent
