#include "policy/schedule.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "base/clock.h"

namespace samhain::policy {
namespace {

/// Runs in the time zone of Berlin, written out: no files of zones are needed.
class ScheduleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }

  static std::int64_t at(const std::string& text) {
    std::tm time{};
    EXPECT_NE(strptime(text.c_str(), "%Y-%m-%d %H:%M", &time), nullptr) << text;
    time.tm_isdst = -1;
    return mktime(&time);
  }
  static std::string text_of(std::optional<std::int64_t> time) {
    if (!time) return "never";
    const std::time_t seconds = *time;
    std::tm local{};
    localtime_r(&seconds, &local);
    char text[32];
    return {text, strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local)};
  }
  static std::string next(std::string_view line, const std::string& after) {
    const auto schedule = Schedule::parse(line);
    EXPECT_TRUE(schedule) << line;
    return schedule ? text_of(schedule->next(at(after), std::nullopt)) : "";
  }
  /// `count` runs one after the other, each at its minute.
  static std::string runs(std::string_view line, const std::string& start, int count) {
    const auto schedule = Schedule::parse(line);
    std::string text;
    std::int64_t now = at(start) - 60;
    std::optional<std::int64_t> last;
    for (int i = 0; i < count && schedule; ++i) {
      last = schedule->next(now, last);
      if (!last) return "never";
      now = *last;
      text += text_of(last).substr(8) + "|";
    }
    return text;
  }
};

TEST_F(ScheduleTest, FindsTheNextMinute) {
  EXPECT_EQ(next("* * * * *", "2026-06-01 12:00"), "2026-06-01 12:01");
  EXPECT_EQ(next("0 3 * * *", "2026-06-01 12:00"), "2026-06-02 03:00");
  EXPECT_EQ(next("30 23 31 12 *", "2026-06-01 12:00"), "2026-12-31 23:30");
  EXPECT_EQ(next("0 0 29 2 *", "2026-06-01 12:00"), "2028-02-29 00:00");
}

TEST_F(ScheduleTest, CountsMonthsFromOneAndKnowsNames) {
  EXPECT_EQ(next("0 0 1 1 *", "2026-06-01 12:00"), "2027-01-01 00:00");
  EXPECT_EQ(next("0 0 1 Jan *", "2026-06-01 12:00"), "2027-01-01 00:00");
  EXPECT_EQ(next("0 0 1 12 *", "2026-06-01 12:00"), "2026-12-01 00:00");
  EXPECT_EQ(next("0 0 * * Fri-Sun", "2026-06-01 12:00"), "2026-06-05 00:00");  // a Monday
  EXPECT_EQ(next("0 0 * * 7", "2026-06-01 12:00"), "2026-06-07 00:00");
  EXPECT_EQ(next("0 0 * jul-aug sunday", "2026-06-01 12:00"), "2026-07-05 00:00");
}

TEST_F(ScheduleTest, TakesEitherDayWhereBothAreRestricted) {
  EXPECT_EQ(next("0 0 15 * Wed", "2026-06-01 12:00"), "2026-06-03 00:00");
  EXPECT_EQ(next("0 0 2 * Wed", "2026-06-01 12:00"), "2026-06-02 00:00");
  EXPECT_EQ(next("0 0 * * Wed", "2026-06-03 12:00"), "2026-06-10 00:00");
}

TEST_F(ScheduleTest, StepsFallOnMultiplesAndNeverNearer) {
  EXPECT_EQ(runs("*/20 * * * *", "2026-06-01 12:10", 3), "01 12:20|01 12:40|01 13:00|");
  // 12:56 and 13:00 would be four minutes.
  EXPECT_EQ(runs("*/7 * * * *", "2026-06-01 12:49", 3), "01 12:49|01 12:56|01 13:07|");
  EXPECT_EQ(runs("* */2 * * *", "2026-06-01 12:10", 3), "01 12:10|01 14:10|01 16:10|");
  EXPECT_EQ(runs("*/30 */2 * * *", "2026-06-01 12:10", 3), "01 12:30|01 14:00|01 14:30|");
  EXPECT_EQ(runs("0 0 */2 * *", "2026-03-27 12:00", 3), "29 00:00|31 00:00|03 00:00|");
}

TEST_F(ScheduleTest, CatchesUpWhatTheClockLeapsOver) {
  // 02:00 to 03:00 does not exist on this day.
  EXPECT_EQ(next("30 2 * * *", "2026-03-29 01:00"), "2026-03-29 03:00");
  EXPECT_EQ(next("30 2 * * *", "2026-03-29 03:00"), "2026-03-30 02:30");
}

TEST_F(ScheduleTest, SaysWhatIsWrong) {
  for (const char* line :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * 0 *", "* * * * 8", "*/0 * * * *", "*/x * * * *", "5-1 * * * *", "* * * foo *",
        "* * 31 2 *", "* * 30 2 *", "-1 * * * *", "1- * * * *", ", * * * *", "* * * ja *"}) {
    const auto schedule = Schedule::parse(line);
    ASSERT_FALSE(schedule) << line;
    EXPECT_NE(schedule.error().what.find("; give "), std::string::npos) << schedule.error().what;
  }
}

TEST_F(ScheduleTest, ATimetableHasTheFirstOfItsLines) {
  Timetable table;
  EXPECT_TRUE(table.is_empty());
  EXPECT_EQ(table.next(at("2026-06-01 12:00")), std::nullopt);
  table.add(*Schedule::parse("0 13 * * *"));
  table.add(*Schedule::parse("*/40 * * * *"));
  const std::int64_t noon = at("2026-06-01 12:00");
  EXPECT_EQ(text_of(table.next(noon)), "2026-06-01 12:40");
  table.note_run(noon, at("2026-06-01 12:40"));
  // By its own step the second line waits until 13:20 now; the first does not mind.
  EXPECT_EQ(text_of(table.next(at("2026-06-01 12:40"))), "2026-06-01 13:00");
  EXPECT_EQ(text_of(table.next(at("2026-06-01 13:00"))), "2026-06-01 13:40");
}

}  // namespace
}  // namespace samhain::policy
