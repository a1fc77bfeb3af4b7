#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/estimate.h"
#include "agent/status.h"
#include "agent/status_report.h"
#include "uplink_support.h"

namespace samhain::agent {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'795'378'757 * kSecond;

Status some_status() {
  Status status;
  status.pid = 1234;
  status.started_ns = kNow - 100 * kSecond;
  status.updated_ns = kNow;
  status.next_ns = kNow + 60 * kSecond;
  status.running = {Action::Check, kNow - 10 * kSecond, 3'000, 5'000'000, 1'000, 8'000};
  status.last.scan = {Action::Init, kNow - 90 * kSecond, 8'000, 77, 0, 8'000};
  status.last.duration_ms = 65'400;
  status.last.findings = 2;
  status.last.errors = 1;
  status.last.outcome = Outcome::Stopped;
  return status;
}

class AgentStatusTest : public ::testing::Test {
 protected:
  uplink::ScratchDirectory folder_;
  std::string path_ = folder_.path() + "/status";
};

TEST_F(AgentStatusTest, IsReadAsItWasWritten) {
  const auto status = decode_status(encode(some_status()));
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(encode(*status), encode(some_status()));
  EXPECT_EQ(status->running.action, Action::Check);
  EXPECT_EQ(status->last.outcome, Outcome::Stopped);
}

TEST_F(AgentStatusTest, RefusesEveryChangeOfAByteAndEveryCut) {
  const std::string text = encode(some_status());
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == '7' ? '8' : '7';
    EXPECT_FALSE(decode_status(changed)) << i;
    EXPECT_FALSE(decode_status(text.substr(0, i))) << i;
  }
}

TEST_F(AgentStatusTest, TheFileTellsWhetherItsWriterLivesAndWhatItsLastWordWas) {
  EXPECT_EQ(read_status(path_).error().kind, Error::Kind::Missing);
  {
    auto file = StatusFile::open(path_);
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_FALSE(file->before());
    Status status = some_status();
    ASSERT_TRUE(file->write(status, true));
    status.running = {};
    status.next_ns = 0;
    ASSERT_TRUE(file->write(status, false));
    const auto seen = read_status(path_);
    ASSERT_TRUE(seen) << seen.error().text();
    EXPECT_TRUE(seen->is_alive);
    EXPECT_EQ(encode(seen->status), encode(status));
    EXPECT_EQ(StatusFile::open(path_).error().kind, Error::Kind::Busy);
  }
  struct stat facts {};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600U);
  EXPECT_FALSE(read_status(path_)->is_alive);
  const auto again = StatusFile::open(path_);
  ASSERT_TRUE(again);
  ASSERT_TRUE(again->before());
  EXPECT_EQ(again->before()->last.findings, 2U);
}

TEST_F(AgentStatusTest, WhatOthersMayWriteIsNotBelieved) {
  { ASSERT_TRUE(StatusFile::open(path_)); }
  ASSERT_EQ(chmod(path_.c_str(), 0622), 0);
  EXPECT_EQ(read_status(path_).error().kind, Error::Kind::Refused);
  EXPECT_EQ(StatusFile::open(path_).error().kind, Error::Kind::Refused);
  std::filesystem::remove(path_);
  ASSERT_EQ(symlink("/dev/null", path_.c_str()), 0);
  EXPECT_FALSE(read_status(path_));
  EXPECT_FALSE(StatusFile::open(path_));
}

TEST_F(AgentStatusTest, EstimatesFromWhatThisProcessMeasuredAndWhatThereWillBe) {
  const Estimate now = estimate(some_status().running, kNow);
  EXPECT_DOUBLE_EQ(now.files_per_second, 200);  // 1,000 of the 3,000 were measured before
  EXPECT_DOUBLE_EQ(now.bytes_per_second, 500'000);
  EXPECT_EQ(now.percent, 37U);
  EXPECT_EQ(now.left, std::chrono::seconds(25));
}

TEST_F(AgentStatusTest, PromisesNothingWhereItKnowsNothing) {
  ScanState scan = some_status().running;
  scan.expected = 0;
  EXPECT_FALSE(estimate(scan, kNow).percent);
  EXPECT_FALSE(estimate(scan, kNow).left);
  scan.expected = 10;  // more than expected: not over all the same
  EXPECT_EQ(estimate(scan, kNow).percent, 99U);
  EXPECT_EQ(estimate(scan, kNow).left, std::chrono::seconds(0));
  scan.files = scan.skipped = 0;
  scan.began_ns = kNow + kSecond;  // the clock was set back
  EXPECT_EQ(estimate(scan, kNow).percent, 0U);
  EXPECT_FALSE(estimate(scan, kNow).left);
}

TEST_F(AgentStatusTest, SaysItForPeople) {
  const std::string text = status_text(SeenStatus{some_status(), true}, kNow);
  EXPECT_NE(text.find("samhain runs: process 1234"), std::string::npos) << text;
  EXPECT_NE(text.find("3,000 of 8,000 files (37 %), 5.0 MB, 200 files/s, 500.0 kB/s, 25 s left"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("last init: stopped"), std::string::npos) << text;
  EXPECT_NE(text.find("took 1 min 5 s, 8,000 files, 77 B, 2 findings, 1 errors"), std::string::npos)
      << text;
  EXPECT_NE(text.find("next check: "), std::string::npos) << text;

  const std::string dead = status_text(SeenStatus{some_status(), false}, kNow + 1000 * kSecond);
  EXPECT_NE(dead.find("does not run"), std::string::npos) << dead;
  EXPECT_NE(dead.find("check: cut off"), std::string::npos) << dead;
  EXPECT_EQ(dead.find("next check"), std::string::npos) << dead;
  EXPECT_NE(dead.find("200 files/s"), std::string::npos) << "as it was then: " << dead;
}

}  // namespace
}  // namespace samhain::agent
