#include "sys/role.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "unit/sys_roles.h"

namespace samhain::sys {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Rule, 1> kRules = {{{testing::kEcho, 0, 4'096, 0}}};

class RoleTest : public ::testing::Test {
 protected:
  RoleTest() : created_(Loop::create()), loop_(**created_) {
    loop_.after(30s, [this] {
      ADD_FAILURE() << "the loop did not stop in time";
      loop_.stop();
    });
    spec_.name = "echo";
    spec_.rules = kRules;
    spec_.set_up = [] { return Bytes{1, 2, 3}; };
    spec_.on_message = [this](std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
      echoes_.emplace_back(payload.begin(), payload.end());
      loop_.stop();
    };
    spec_.on_ready = [this](std::string_view missing) {
      missing_ = missing;
      loop_.stop();
    };
    spec_.on_down = [this](const Error& error) {
      downs_.push_back(error.text());
      loop_.stop();
    };
  }
  void start() {
    auto started = Role::start(loop_, spec_);
    ASSERT_TRUE(started) << started.error().text();
    role_ = std::move(*started);
    loop_.run();
  }

  Result<std::unique_ptr<Loop>> created_;
  Loop& loop_;
  Role::Spec spec_;
  std::unique_ptr<Role> role_;
  std::vector<Bytes> echoes_;
  std::vector<std::string> downs_;
  std::string missing_ = "never ready";
};

TEST_F(RoleTest, StartsWithNothingButTimeZoneAndChannel) {
  setenv("TZ", "UTC", 1);
  setenv("SECRET", "x", 1);
  signal(SIGTERM, SIG_IGN);
  const UniqueFd extra{dup(0)};  // even one that is not close-on-exec
  ASSERT_TRUE(extra);
  start();
  EXPECT_TRUE(role_->is_ready());
#ifdef WITH_SANITIZERS
  EXPECT_EQ(missing_, " TZ=UTC ASAN_OPTIONS=detect_leaks=0");
#else
  EXPECT_EQ(missing_, " TZ=UTC");
#endif
  EXPECT_EQ(kill(role_->pid(), SIGTERM), 0);  // is deadly again
  loop_.run();
  ASSERT_EQ(downs_.size(), 1U);
  EXPECT_EQ(downs_[0], "role echo: killed by signal 15 (Terminated)");
  signal(SIGTERM, SIG_DFL);
}

TEST_F(RoleTest, SpeaksOverItsChannel) {
  start();
  role_->channel()->send(testing::kEcho, as_bytes("hi"));
  loop_.run();
  ASSERT_EQ(echoes_.size(), 1U);
  EXPECT_EQ(as_text(echoes_[0]), "hi");
}

TEST_F(RoleTest, DeliversTheLastWordsAndTellsTheStatus) {
  spec_.is_restarted = false;
  start();
  role_->channel()->send(testing::kExit, {});
  while (downs_.empty()) loop_.run();
  ASSERT_EQ(echoes_.size(), 1U);
  EXPECT_EQ(echoes_[0], (Bytes{1, 2, 3}));  // what set_up gave
  EXPECT_EQ(downs_[0], "role echo: ended with status 3");
  EXPECT_EQ(role_->pid(), 0);
  EXPECT_EQ(role_->channel(), nullptr);
}

TEST_F(RoleTest, ComesBackAfterItsDeath) {
  start();
  const pid_t first = role_->pid();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  loop_.run();
  EXPECT_EQ(downs_.size(), 1U);
  EXPECT_FALSE(role_->is_ready());
  loop_.run();
  EXPECT_TRUE(role_->is_ready());
  EXPECT_NE(role_->pid(), first);
}

TEST_F(RoleTest, ComesBackAfterARestartThatWeAskedFor) {
  start();
  role_->restart();
  EXPECT_EQ(role_->channel(), nullptr);
  while (downs_.empty() || !role_->is_ready()) loop_.run();
  EXPECT_EQ(downs_, (std::vector<std::string>{"role echo: killed by signal 9 (Killed)"}));
}

TEST_F(RoleTest, IsKilledForABrokenRule) {
  spec_.is_restarted = false;
  start();
  role_->channel()->send(testing::kBreach, {});
  loop_.run();
  ASSERT_EQ(downs_.size(), 1U);
  EXPECT_EQ(downs_[0], "role echo: message 99 is not allowed");
}

TEST_F(RoleTest, TellsOfARoleThatTheProgramDoesNotHave) {
  spec_.name = "nobody-knows-it";
  spec_.is_restarted = false;
  start();
  EXPECT_EQ(downs_, (std::vector<std::string>{"role nobody-knows-it: ended with status 2"}));
}

TEST_F(RoleTest, MayBeDestroyedInsideItsCallbacks) {
  spec_.on_ready = [this](std::string_view) {
    role_.reset();
    loop_.stop();
  };
  start();
  EXPECT_EQ(role_, nullptr);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

TEST_F(RoleTest, WorksWhereAnOrdinaryUserCannotReachTheProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    constexpr uid_t kNobody = 65'534;
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(10);
    // The loop's descriptors work on in the child, for epoll belongs to the open file.
    start();
    _exit(role_ && role_->is_ready() ? 0 : 11);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(RoleChild, RefusesToRunWithoutItsParent) {
  const std::string self = "/proc/" + std::to_string(getpid()) + "/exe";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    execl(self.c_str(), "sys_tests", "--role=echo", nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 2);
}

TEST(RoleChild, KnowsARoleFromAnOrdinaryCall) {
  std::string program = "p";
  std::string role = "--role=front";
  std::string more = "-x";
  std::array<char*, 3> arguments = {program.data(), role.data(), more.data()};
  EXPECT_EQ(role_asked_for(2, arguments.data()), "front");
  EXPECT_EQ(role_asked_for(3, arguments.data()), std::nullopt);
  EXPECT_EQ(role_asked_for(1, arguments.data()), std::nullopt);
}

}  // namespace
}  // namespace samhain::sys
