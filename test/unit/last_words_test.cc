#include "sys/last_words.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "scratch.h"

namespace samhain::sys {
namespace {

/// A process that prepares, does `deed`, and if it is still there exits with 3; its wait status.
template <class Deed>
int status_after(const std::string& log, Deed deed) {
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit none{};
    (void)setrlimit(RLIMIT_CORE, &none);
    const std::string head = "ALERT [";
    const LastWords words[] = {{SIGSEGV, head + "0000-00-00T00:00:00+0000] SEGV\n", head.size()},
                               {SIGABRT, head + "0000-00-00T00:00:00+0000] ABRT\n", head.size()}};
    if (!prepare_last_words(words, log, 0)) _exit(2);
    deed();
    _exit(3);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return status;
}

class LastWordsTest : public ::testing::Test {
 protected:
  LastWordsTest() { testing::write_file(log_, "a line\n"); }
  std::string told() const { return testing::read_file(log_).substr(7); }
  testing::Scratch scratch_;
  std::string log_ = scratch_ / "log";
};

TEST_F(LastWordsTest, AreSaidWithTheTimeAndTheProcessEndsByItsSignal) {
  const std::int64_t before = base::SystemClock{}.now_ns() / 1'000'000'000;
  const int status = status_after(log_, [] { std::abort(); });
  const std::int64_t after = base::SystemClock{}.now_ns() / 1'000'000'000;
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  const std::string line = told();
  ASSERT_EQ(line.substr(26), "+0000] ABRT\n");
  EXPECT_GE(line.substr(7, 19), base::utc_time(before));
  EXPECT_LE(line.substr(7, 19), base::utc_time(after));
}

TEST_F(LastWordsTest, AreNotSaidForAFaultThatAnotherProcessOnlyClaims) {
  const int status = status_after(log_, [] { (void)kill(getpid(), SIGSEGV); });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(told(), "");
}

TEST_F(LastWordsTest, GoIntoNoFileThatIsNotThere) {
  const std::string missing = scratch_ / "missing";
  const int status = status_after(missing, [] { std::abort(); });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_NE(access(missing.c_str(), F_OK), 0);
}

TEST_F(LastWordsTest, NeedRoomForTheTime) {
  const LastWords words[] = {{SIGSEGV, "short\n", 0}};
  EXPECT_FALSE(prepare_last_words(words, log_, 0));
}

}  // namespace
}  // namespace samhain::sys
