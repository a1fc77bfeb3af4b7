#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "agent/timing.h"
#include "fake_clock.h"

namespace samhain::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// The clock stands at 17 seconds past a minute, 19 minutes past an hour.
class TimingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC0", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
  static policy::Timetable table(const char* line) {
    policy::Timetable table;
    table.add(*policy::Schedule::parse(line));
    return table;
  }
  std::string due() const {
    const Due due = timing_.due();
    return std::string{due.is_first ? "1" : "-"} + (due.is_second ? "2" : "-");
  }

  test::FakeClock clock_;
  Timing timing_{clock_};
};

TEST_F(TimingTest, ByIntervalBeginsAtOnce) {
  timing_.follow({.interval = seconds(600)});
  EXPECT_EQ(due(), "12");
  EXPECT_EQ(timing_.delay(), milliseconds(0));
  timing_.note_run(timing_.due());
  EXPECT_EQ(due(), "--");
  EXPECT_EQ(timing_.delay(), seconds(600));
  clock_.advance(seconds(599));
  EXPECT_EQ(due(), "--");
  clock_.advance(seconds(1));
  EXPECT_EQ(due(), "12");
}

TEST_F(TimingTest, AReloadKeepsTheStepBetweenTwoRuns) {
  timing_.follow({.first = table("* */2 * * *")});
  clock_.advance(minutes(60));
  ASSERT_EQ(due(), "12");
  timing_.note_run(timing_.due());
  timing_.follow({.first = table("* */2 * * *")});
  clock_.advance(minutes(1));
  EXPECT_EQ(due(), "--");
}

TEST_F(TimingTest, AScheduleIsWaitedForAndCatchesUp) {
  timing_.follow({.first = table("20 * * * *")});
  EXPECT_EQ(due(), "--");
  EXPECT_EQ(timing_.delay(), seconds(43));
  clock_.advance(minutes(5));  // asleep
  EXPECT_EQ(due(), "12");
  EXPECT_EQ(timing_.delay(), milliseconds(0));
  timing_.note_run(timing_.due());
  EXPECT_EQ(due(), "--");
  EXPECT_EQ(timing_.delay(), minutes(60) - seconds(4 * 60 + 17));
}

TEST_F(TimingTest, TheMinuteThatRunsCounts) {
  timing_.follow({.first = table("19 * * * *")});
  EXPECT_EQ(due(), "12");
}

TEST_F(TimingTest, TheSecondScheduleIsOnItsOwn) {
  timing_.follow({.interval = seconds(3'000), .second = table("21 * * * *")});
  EXPECT_EQ(due(), "1-");
  timing_.note_run(timing_.due());
  EXPECT_EQ(timing_.delay(), seconds(103));
  clock_.advance(seconds(103));
  EXPECT_EQ(due(), "-2");
  timing_.note_run(timing_.due());
  clock_.advance(seconds(3'000));
  EXPECT_EQ(due(), "1-");
}

TEST_F(TimingTest, AReloadDoesNotRepeatWhatIsDone) {
  const Timing::Plan plan{.first = table("19 * * * *")};
  timing_.follow(plan);
  timing_.note_run(timing_.due());
  timing_.follow(plan);
  EXPECT_EQ(due(), "--");
}

}  // namespace
}  // namespace samhain::agent
