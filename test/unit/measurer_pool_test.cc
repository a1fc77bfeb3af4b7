#include "scan/measurer_pool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <set>

#include "unit/hung_file_system.h"
#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

class MeasurerPoolTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  std::unique_ptr<sys::Loop> loop_;
  std::unique_ptr<MeasurerPool> pool_;
  std::vector<std::string> troubles_;
  std::vector<FileFacts> facts_;
  Answer last_;

  void start(std::chrono::seconds deadline) {
    loop_ = *sys::Loop::create();
    MeasurerPool::Settings settings;
    settings.count = 2;
    settings.deadline = deadline;
    settings.on_trouble = [this](const Error& error) { troubles_.push_back(error.text()); };
    auto pool = MeasurerPool::start(*loop_, settings, [this](std::string_view) { loop_->stop(); });
    ASSERT_TRUE(pool) << pool.error().text();
    pool_ = *std::move(pool);
    run();
    ASSERT_TRUE(pool_->is_ready());
    ASSERT_EQ(pool_->pids().size(), 2U);
  }
  void run() {
    bool is_late = false;
    const auto limit = loop_->after(std::chrono::seconds(30), [&] {
      is_late = true;
      loop_->stop();
    });
    loop_->run();
    loop_->cancel(limit);
    ASSERT_FALSE(is_late);
  }
  /// Lists the directory and runs until that is done.
  void list(const std::string& directory) {
    Order order;
    order.directory = directory;
    order.lists = true;
    order.attributes = policy::attributes_of(policy::Name::ReadOnly);
    pool_->submit(std::move(order), [this](Answer&& answer) {
      for (FileFacts& facts : answer.facts) facts_.push_back(std::move(facts));
      if (!answer.is_last) return;
      last_ = std::move(answer);
      loop_->stop();
    });
    run();
  }
  std::multiset<std::string> names() const {
    std::multiset<std::string> names;
    for (const FileFacts& facts : facts_) names.insert(facts.name);
    return names;
  }
};

TEST_F(MeasurerPoolTest, ReplacesAMeasurerThatHangsAndLosesNothing) {
  for (const char* name : {"a", "b", "c"}) write_file(scratch_ / name, "1");
  start(std::chrono::seconds(1));
  for (const pid_t pid : pool_->pids()) ASSERT_EQ(kill(pid, SIGSTOP), 0);
  list(scratch_.path());
  EXPECT_EQ(names(), (std::multiset<std::string>{"a", "b", "c"}));
  EXPECT_EQ(last_.failed_stage, Stage::None);
  EXPECT_FALSE(troubles_.empty());
  EXPECT_EQ(pool_->outstanding(), 0U);
}

TEST_F(MeasurerPoolTest, CallsNobodyAfterDroppingAll) {
  for (int i = 0; i < 500; ++i) write_file(scratch_ / ("f" + std::to_string(i)), "1");
  start(std::chrono::seconds(60));
  for (int i = 0; i < 50; ++i) {
    Order order;
    order.directory = scratch_.path();
    order.lists = true;
    pool_->submit(std::move(order), [](Answer&&) { FAIL() << "was dropped"; });
  }
  pool_->drop_all();
  list(scratch_.path());
  EXPECT_EQ(names().size(), 500U);
}

TEST_F(MeasurerPoolTest, NamesTheObjectThatHungAndMeasuresAllOthers) {
  for (const char* name : {"a", "b", "c"}) write_file(scratch_ / name, "1");
  make_directory(scratch_ / "hung");
  const HungFileSystem hung(scratch_ / "hung");
  if (!hung.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
  start(std::chrono::seconds(1));
  list(scratch_.path());
  EXPECT_EQ(names(), (std::multiset<std::string>{"a", "b", "c", "hung"}));
  for (const FileFacts& facts : facts_) {
    EXPECT_EQ(facts.failed_stage, facts.name == "hung" ? Stage::Timeout : Stage::None);
  }
  EXPECT_EQ(last_.failed_stage, Stage::None);

  facts_.clear();
  list(scratch_ / "hung");
  EXPECT_EQ(last_.failed_stage, Stage::Timeout);
  EXPECT_TRUE(facts_.empty());
}

}  // namespace
}  // namespace samhain::scan::testing
