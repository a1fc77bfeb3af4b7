#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "agent/progress.h"
#include "uplink_support.h"

namespace samhain::agent {
namespace {

using namespace std::chrono_literals;

class AgentProgressTest : public ::testing::Test {
 protected:
  base::SystemClock clock_;
  uplink::ScratchDirectory folder_;
  std::string path_ = folder_.path() + "/status";
  std::unique_ptr<sys::Loop> loop_ = *sys::Loop::create();
  sink::StatusLine no_terminal_{-1};
  scan::Summary summary_{.files = 50, .bytes = 1'000, .findings = 3};
  std::vector<Report> reports_;

  std::unique_ptr<Progress> make(Progress::Intervals intervals = {1ms, 3ms}) {
    auto progress = std::make_unique<Progress>(
        *loop_, clock_, no_terminal_,
        Progress::Source{.so_far = [this] { return summary_; },
                         .expected = [] { return std::uint64_t{200}; },
                         .is_asking = [] { return false; },
                         .tell = [this](Report&& report) { reports_.push_back(report); }},
        intervals);
    EXPECT_TRUE(progress->open(path_));
    return progress;
  }
};

TEST_F(AgentProgressTest, SaysWhereItIsAgainAndAgainWhereNoTerminalShowsIt) {
  const auto progress = make();
  progress->begin(Action::Check, false);
  ASSERT_TRUE(uplink::run_until(*loop_, [&] { return reports_.size() >= 2; }));
  EXPECT_EQ(reports_[0].message(), "File check running.");
  EXPECT_EQ(reports_[0].severity, Severity::Info);
  EXPECT_EQ(reports_[0].find("files"), "50");
  EXPECT_EQ(reports_[0].find("percent"), "25");
}

TEST_F(AgentProgressTest, IsSilentInASilentCheckAndAfterTheEnd) {
  const auto progress = make();
  progress->begin(Action::Check, true);
  const auto ran = [&] { return read_status(path_)->status.running.files == 50; };
  ASSERT_TRUE(uplink::run_until(*loop_, ran));
  progress->end(Outcome::Completed, summary_);
  EXPECT_TRUE(reports_.empty());
}

TEST_F(AgentProgressTest, LeavesTheResultAndTheNextStart) {
  const auto progress = make();
  progress->begin(Action::Check, false);
  EXPECT_EQ(read_status(path_)->status.running.action, Action::Check);
  progress->end(Outcome::Completed, summary_);
  progress->plan(77);
  const Status status = read_status(path_)->status;
  EXPECT_EQ(status.running.action, Action::None);
  EXPECT_EQ(status.last.scan.action, Action::Check);
  EXPECT_EQ(status.last.findings, 3U);
  EXPECT_EQ(status.next_ns, 77);
}

TEST_F(AgentProgressTest, ItsSuccessorLearnsOfAScanThatWasCutOffAndOfNoOther) {
  auto progress = make();
  EXPECT_FALSE(progress->cut_off());
  progress->begin(Action::Check, false);
  progress->end(Outcome::Completed, summary_);
  progress->last_word();
  progress.reset();
  progress = make();
  EXPECT_FALSE(progress->cut_off());
  progress->begin(Action::Check, false);
  progress->last_word();
  progress.reset();
  progress = make();
  ASSERT_TRUE(progress->cut_off());
  EXPECT_EQ(progress->cut_off()->files, 50U);
}

/// A terminal whose foreground is this process's: what is drawn is erased before a line is printed.
TEST(StatusLineTest, IsDrawnWithinTheTerminalAndErasedForOthers) {
  const UniqueFd master{posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  ASSERT_TRUE(master);
  ASSERT_EQ(grantpt(master.get()), 0);
  ASSERT_EQ(unlockpt(master.get()), 0);
  const UniqueFd terminal{open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)};
  ASSERT_TRUE(terminal);
  sink::StatusLine line{terminal.get()};
  line.erase();  // there is none: nothing is written
  line.show(std::string(500, 'x'));
  line.erase();
  line.erase();
  std::array<char, 1024> text{};
  const ssize_t size = read(master.get(), text.data(), text.size());
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(text.data(), static_cast<std::size_t>(size)),
            "\r\033[K" + std::string(79, 'x') + "\r\033[K");
  EXPECT_FALSE(line.is_possible()) << "not the terminal that controls this process";
}

}  // namespace
}  // namespace samhain::agent
