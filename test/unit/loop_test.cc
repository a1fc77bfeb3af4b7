#include "sys/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace samhain::sys {
namespace {

using namespace std::chrono_literals;

class LoopTest : public ::testing::Test {
 protected:
  LoopTest() : created_(Loop::create()), loop_(**created_) {
    loop_.after(10s, [this] {
      ADD_FAILURE() << "the loop did not stop in time";
      loop_.stop();
    });
  }
  static std::array<UniqueFd, 2> readable_pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  }

  Result<std::unique_ptr<Loop>> created_;
  Loop& loop_;
};

TEST_F(LoopTest, RunsTimersInTheOrderOfTheirTimes) {
  std::string order;
  loop_.after(3ms, [&] {
    order += 'c';
    loop_.stop();
  });
  loop_.after(1ms, [&] { order += 'a'; });
  loop_.after(2ms, [&] { order += 'b'; });
  loop_.run();
  EXPECT_EQ(order, "abc");
}

TEST_F(LoopTest, NeverRunsACancelledTimer) {
  bool has_run = false;
  const auto timer = loop_.after(2ms, [&] { has_run = true; });
  loop_.after(1ms, [&] { loop_.cancel(timer); });
  loop_.after(4ms, [&] { loop_.stop(); });
  loop_.run();
  EXPECT_FALSE(has_run);
  loop_.cancel(timer);  // once more does nothing
}

TEST_F(LoopTest, LetsDescriptorsHaveTheirTurnBesideATimerThatAlwaysWantsTheNext) {
  auto pair = readable_pair();
  std::function<void()> again = [&] { loop_.after(0ms, again); };
  again();
  ASSERT_TRUE(loop_.watch(pair[0].get(), EPOLLIN, [&](std::uint32_t) { loop_.stop(); }));
  loop_.run();
}

TEST_F(LoopTest, AHandlerMayForgetItselfAndItsNeighbour) {
  auto first = readable_pair();
  auto second = readable_pair();
  int calls = 0;
  const auto handler = [&, keep = std::string(100, 'k')](std::uint32_t) {
    loop_.forget(first[0].get());
    loop_.forget(second[0].get());
    calls += keep.size() == 100 ? 1 : 100;  // the captures must still be there
    loop_.after(2ms, [&] { loop_.stop(); });
  };
  ASSERT_TRUE(loop_.watch(first[0].get(), EPOLLIN, handler));
  ASSERT_TRUE(loop_.watch(second[0].get(), EPOLLIN, handler));
  loop_.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, GivesNoOldEventToANewDescriptorWithTheSameNumber) {
  auto first = readable_pair();
  auto second = readable_pair();
  bool was_wrong = false;
  const auto replace = [&](UniqueFd& other) {
    const int number = other.get();
    loop_.forget(number);
    std::array<int, 2> silent{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, silent.data()), 0);
    ASSERT_EQ(dup3(silent[0], number, O_CLOEXEC), number);
    close(silent[0]);
    ASSERT_TRUE(loop_.watch(number, EPOLLIN, [&](std::uint32_t) { was_wrong = true; }));
    loop_.after(2ms, [&, end = silent[1]] {
      loop_.forget(number);
      close(end);
      loop_.stop();
    });
  };
  ASSERT_TRUE(loop_.watch(first[0].get(), EPOLLIN, [&](std::uint32_t) {
    loop_.forget(first[0].get());
    replace(second[0]);
  }));
  ASSERT_TRUE(loop_.watch(second[0].get(), EPOLLIN, [&](std::uint32_t) {
    loop_.forget(second[0].get());
    replace(first[0]);
  }));
  loop_.run();
  EXPECT_FALSE(was_wrong);
}

TEST_F(LoopTest, TellsOfASignalInsteadOfDying) {
  ASSERT_TRUE(loop_.on_signal(SIGUSR1, [&] { loop_.stop(); }));
  raise(SIGUSR1);
  loop_.run();
}

TEST_F(LoopTest, EndsARoundWithTheCallbacksThenTheCallsForSoon) {
  std::string order;
  loop_.soon([&] { order += 's'; });
  loop_.on_round_end([&] { order += 'e'; });
  loop_.after(0ms, [&] {
    order += 't';
    loop_.stop();
  });
  loop_.run();
  EXPECT_TRUE(order == "tes" || order == "este") << order;
}

TEST_F(LoopTest, RefusesADescriptorThatIsNone) {
  const auto watched = loop_.watch(-1, EPOLLIN, [](std::uint32_t) {});
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().sys_errno, EBADF);
}

struct Flag final : Buried {
  explicit Flag(bool& told) : is_dead(told) {}
  ~Flag() override { is_dead = true; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  bool& is_dead;
};

TEST_F(LoopTest, BuriesAtTheEndOfTheRoundAndNotBefore) {
  bool is_dead = false;
  loop_.after(0ms, [&] {
    loop_.bury(std::make_unique<Flag>(is_dead));
    EXPECT_FALSE(is_dead);
    loop_.stop();
  });
  loop_.run();
  EXPECT_TRUE(is_dead);
}

}  // namespace
}  // namespace samhain::sys
