#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/commands.h"
#include "fake_clock.h"
#include "report/catalog.h"
#include "scratch.h"

namespace samhain::agent {
namespace {

class AgentCommandsTest : public ::testing::Test {
 protected:
  /// Another process with the same spool.
  void start() {
    const auto action = [this](std::string word) {
      return [this, word]() -> Commands::Refusal {
        done_.push_back(word);
        return std::nullopt;
      };
    };
    commands_.emplace(
        clock_,
        Commands::Actions{.reload = action("reload"),
                          .scan = action("scan"),
                          .stop = action("stop"),
                          .delta = [this](std::string_view uuid) -> Commands::Refusal {
                            done_.emplace_back(uuid);
                            return "not today";
                          }},
        Commands::Confirmations{
            .send =
                [this](const Report& report) {
                  confirmed_.push_back(report);
                  return confirmed_.size();
                },
            .is_acknowledged = [this](std::uint64_t seq) { return seq <= acknowledged_; }},
        [this](const Report& report) { told_.push_back(report); });
    commands_->open(directory_);
  }

  samhain::testing::Scratch scratch_;
  std::string directory_ = scratch_.path();
  test::FakeClock clock_;
  std::vector<std::string> done_;
  std::vector<Report> confirmed_;
  std::vector<Report> told_;
  std::uint64_t acknowledged_ = 0;
  std::optional<Commands> commands_;
};

TEST_F(AgentCommandsTest, AreDoneOnceAndConfirmed) {
  start();
  commands_->take({{7, "RELOAD"}, {8, "SCAN"}});
  commands_->take({{7, "RELOAD"}, {8, "SCAN"}});
  EXPECT_EQ(done_, (std::vector<std::string>{"reload", "scan"}));
  ASSERT_EQ(confirmed_.size(), 2U) << "the second time its confirmation was on its way";
  EXPECT_EQ(confirmed_[0].message(), "Command executed");
  EXPECT_EQ(confirmed_[0].event_class, EventClass::Run);
  EXPECT_EQ(confirmed_[0].severity, Severity::Notice);
  EXPECT_EQ(confirmed_[0].find("command"), "RELOAD");
  EXPECT_EQ(confirmed_[0].find("id"), "7");
}

TEST_F(AgentCommandsTest, AreConfirmedAgainToAServerThatForgotIt) {
  start();
  commands_->take({{7, "RELOAD"}});
  acknowledged_ = 1;
  commands_->take({{7, "RELOAD"}});
  EXPECT_EQ(done_.size(), 1U);
  EXPECT_EQ(confirmed_.size(), 2U);
}

TEST_F(AgentCommandsTest, AreNotDoneAgainByAnotherProcess) {
  start();
  commands_->take({{7, "STOP"}});
  start();
  commands_->take({{7, "STOP"}, {6, "STOP"}, {8, "SCAN"}});
  EXPECT_EQ(done_, (std::vector<std::string>{"stop", "scan"}));
  EXPECT_EQ(confirmed_.size(), 4U);
}

TEST_F(AgentCommandsTest, AreRefusedWithTheReason) {
  start();
  commands_->take({{1, "DELTA:some-uuid"}, {2, "DANCE"}, {3, ""}});
  EXPECT_EQ(done_, (std::vector<std::string>{"some-uuid"}));
  ASSERT_EQ(confirmed_.size(), 3U);
  EXPECT_EQ(confirmed_[0].message(), "Command refused");
  EXPECT_EQ(confirmed_[0].find("reason"), "not today");
  EXPECT_EQ(confirmed_[1].message(), "Command refused");
  EXPECT_EQ(confirmed_[1].find("command"), "DANCE");
}

TEST_F(AgentCommandsTest, AreNotDoneWhereTheirNumberCannotBeKept) {
  directory_ += "/missing";
  start();
  commands_->take({{7, "STOP"}});
  commands_->take({{7, "STOP"}});
  EXPECT_TRUE(done_.empty());
  EXPECT_TRUE(confirmed_.empty());
  ASSERT_EQ(told_.size(), 1U) << "once";
  EXPECT_EQ(told_[0].find("interface"), "command");
}

TEST_F(AgentCommandsTest, AreTakenAtALimitedRate) {
  start();
  std::vector<wire::Command> flood;
  for (std::uint64_t id = 1; id <= Commands::kMostPerMinute + 5; ++id) flood.push_back({id, "X"});
  commands_->take(flood);
  EXPECT_EQ(confirmed_.size(), Commands::kMostPerMinute);
  clock_.advance(std::chrono::minutes{1});
  commands_->take({{1000, "SCAN"}});
  EXPECT_EQ(done_, (std::vector<std::string>{"scan"}));
}

}  // namespace
}  // namespace samhain::agent
