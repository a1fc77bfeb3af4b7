#include "scan/pace.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scan/pressure.h"
#include "unit/scratch.h"

namespace samhain::scan {
namespace {

using namespace std::chrono_literals;
using samhain::testing::Scratch;
using samhain::testing::write_file;

class PaceTest : public ::testing::Test {
 protected:
  Result<PaceSetter> setter_ = PaceSetter::create();
  Pace::Clock::time_point now_{1000s};
  Pace pace_;

  void SetUp() override {
    ASSERT_TRUE(setter_) << setter_.error().text();
    auto page = setter_->share();
    ASSERT_TRUE(page) << page.error().text();
    auto pace = Pace::open(*page);
    ASSERT_TRUE(pace) << pace.error().text();
    pace_ = *std::move(pace);
    pace_.begin(now_);
  }
  void work(std::uint64_t bytes, Pace::Clock::duration time) {
    now_ += time;
    pace_.note(bytes, now_);
  }
};

TEST_F(PaceTest, WithoutALimitThereIsNoRest) {
  EXPECT_FALSE(pace_.is_limited());
  work(1'000'000'000, 1s);
  EXPECT_EQ(pace_.due(now_), 0s);
  EXPECT_FALSE(Pace{}.is_limited());
}

TEST_F(PaceTest, ReadsSoManyBytesASecondOnTheWhole) {
  setter_->set(1'000'000, 100);
  EXPECT_TRUE(pace_.is_limited());
  work(500'000, 100ms);  // worth half a second
  EXPECT_EQ(pace_.due(now_), 400ms);
  now_ += 400ms;
  pace_.begin(now_);
  work(1'000, 0ms);
  EXPECT_EQ(pace_.due(now_), 0ms) << "short rests are taken together";
  for (int i = 0; i < 9; ++i) work(1'000, 0ms);
  EXPECT_EQ(pace_.due(now_), 10ms);
}

TEST_F(PaceTest, ADiskThatIsSlowerThanTheLimitNeedsNoRest) {
  setter_->set(1'000'000, 100);
  for (int i = 0; i < 100; ++i) work(1'000, 2ms);
  EXPECT_EQ(pace_.due(now_), 0ms);
}

TEST_F(PaceTest, WorksATenthOfItsTime) {
  setter_->set(0, 10);
  work(0, 100ms);
  EXPECT_EQ(pace_.due(now_), 900ms);
  now_ += 900ms;
  pace_.begin(now_);
  work(0, 1ms);
  EXPECT_EQ(pace_.due(now_), 9ms);
  work(0, 3600s);  // it was stopped, or the host slept
  EXPECT_LT(pace_.due(now_), 5s);
}

TEST_F(PaceTest, WhatIsLiftedHoldsAtOnce) {
  setter_->set(1'000, 100);
  work(1'000'000, 0ms);
  EXPECT_GT(pace_.due(now_), 900s);
  setter_->set(0, 100);
  EXPECT_EQ(pace_.due(now_), 0s);
}

TEST_F(PaceTest, AMeasurerCannotChangeThePage) {
  auto page = setter_->share();
  ASSERT_TRUE(page);
  EXPECT_EQ(mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_SHARED, page->get(), 0), MAP_FAILED);
  EXPECT_EQ(pwrite(page->get(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(page->get(), 0), -1);
}

class PressureTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  void set(const char* name, const std::string& percent) {
    write_file(scratch_ / name, "some avg10=" + percent + " avg60=0.00 avg300=0.00 total=7\n");
  }
};

TEST_F(PressureTest, IsHighAboveTheLimitAndUntilItHasFallenByAQuarter) {
  Pressure pressure(40, scratch_.path());
  set("io", "40.00");
  set("cpu", "1.00");
  EXPECT_FALSE(pressure.is_high());
  set("io", "40.01");
  EXPECT_TRUE(pressure.is_high());
  set("io", "30.01");
  EXPECT_TRUE(pressure.is_high());
  set("io", "29.99");
  EXPECT_FALSE(pressure.is_high());
  set("cpu", "99.00");
  EXPECT_TRUE(pressure.is_high());
}

TEST_F(PressureTest, WhatCannotBeReadIsNone) {
  EXPECT_FALSE(Pressure(1, scratch_ / "missing").is_high());
  EXPECT_FALSE(Pressure(0, scratch_.path()).is_high());
  for (const char* text : {"", "some avg10=", "some avg10=x", "full avg10=99.00", "avg10=99.00"}) {
    EXPECT_LT(parse_pressure(text), 0) << text;
  }
  EXPECT_DOUBLE_EQ(parse_pressure("some avg10=0.12 avg60=1"), 0.12);
}

}  // namespace
}  // namespace samhain::scan
