#include "server/lookups.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "unit/fake_clock.h"
#include "unit/fake_resolver.h"

namespace samhain::server {
namespace {

using namespace std::chrono_literals;

/// One process that looks names up, besides those that judge only.
class LookupsTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kLooksUp = Lookups::kJudges;

  test::FakeClock clock_;
  std::unique_ptr<sys::Loop> loop_ = *sys::Loop::create();
  Lookups lookups_{*loop_, clock_, 200ms};
  std::unique_ptr<RoleGroup> resolvers_;
  std::vector<std::string> names_;  ///< that came back, in order; empty for none
  int deaths_ = 0;

  void SetUp() override {
    RoleGroup::Plan plan;
    plan.name = "resolver";
    plan.count = Lookups::kJudges + 1;
    plan.rules = kFromResolver;
    plan.set_up = [] { return Bytes{}; };
    plan.on_message = [this](std::size_t resolver, std::uint16_t kind, ByteView payload) {
      return lookups_.take(resolver, kind, payload);
    };
    plan.on_ready = [this](std::size_t resolver, std::string_view) {
      if (is_open_) lookups_.on_ready(resolver);
    };
    plan.on_down = [this](std::size_t resolver, const Error&) {
      ++deaths_;
      lookups_.on_down(resolver);
    };
    auto group = RoleGroup::start(*loop_, std::move(plan));
    ASSERT_TRUE(group) << group.error().text();
    resolvers_ = *std::move(group);
    lookups_.open(*resolvers_);
    is_open_ = true;
    run_until([this] { return resolvers_->is_ready(); });
  }
  void run_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    std::function<void()> look = [&] {
      if (holds() || std::chrono::steady_clock::now() > deadline) return loop_->stop();
      loop_->after(2ms, look);
    };
    loop_->after(0ms, look);
    loop_->run();
    ASSERT_TRUE(holds());
  }
  void ask(std::string_view net, int host) {
    lookups_.find_names(std::string{net} + std::to_string(host), "",
                        [this](const NameFacts& facts) { names_.push_back(facts.peer_name); });
  }
  void wait_for_answers(std::size_t count) {
    run_until([this, count] { return names_.size() >= count; });
  }

 private:
  bool is_open_ = false;
};

TEST_F(LookupsTest, ASlowAnswerCountsAsNoneAndItsResolverGoesOn) {
  const pid_t pid = resolvers_->pid(kLooksUp);
  ask(kSlow, 1);
  wait_for_answers(1);
  EXPECT_EQ(names_.back(), "");
  ask(kQuick, 1);
  wait_for_answers(2);
  EXPECT_EQ(names_.back(), "host.example.test");
  EXPECT_EQ(resolvers_->pid(kLooksUp), pid);
  EXPECT_EQ(deaths_, 0);
  ask(kSlow, 1);
  ASSERT_EQ(names_.size(), 3U) << "the late answer was not lost";
  EXPECT_EQ(names_.back(), "host.example.test");
}

TEST_F(LookupsTest, AStuckResolverIsReplacedAndNeverLaterThanTheFirstTime) {
  for (int i = 0; i < 6; ++i) {
    ask(kStuck, i);
    wait_for_answers(static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(names_.back(), "");
    run_until([this, i] { return deaths_ == i + 1; });
    const auto death = std::chrono::steady_clock::now();
    run_until([this] { return resolvers_->is_ready(); });
    EXPECT_LT(std::chrono::steady_clock::now() - death, 2s) << "a delay that doubles is 3.2 s now";
  }
}

TEST_F(LookupsTest, TheNewestIsAskedFirstHoweverManySlowOnesWait) {
  for (int i = 0; i < 200; ++i) ask(kSlow, i);
  ask(kQuick, 1);
  wait_for_answers(2);
  EXPECT_EQ(names_, (std::vector<std::string>{"", "host.example.test"}));
}

TEST_F(LookupsTest, ANameThatWasConfirmedStandsInForAnAnswerThatDoesNotCome) {
  ask(kQuickOnce, 1);
  wait_for_answers(1);
  clock_.advance(2 * Lookups::kLifeOfGood);
  ask(kQuickOnce, 1);
  ASSERT_EQ(names_.size(), 1U) << "asked anew";
  wait_for_answers(2);
  EXPECT_EQ(names_.back(), "host.example.test");
}

}  // namespace
}  // namespace samhain::server
