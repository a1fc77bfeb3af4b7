#include "config/shell.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "config/document.h"

namespace samhain::config {
namespace {

constexpr std::chrono::seconds kEnough{60};

TEST(ShellTest, GivesTheFirstLineAndThrowsTheRestAway) {
  const auto outcome = run_shell("echo one; yes | head -n 100000", kEnough);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->succeeded);
  EXPECT_EQ(outcome->first_line, "one");
}

TEST(ShellTest, GivesALineWithoutNewline) {
  const auto outcome = run_shell("printf two", kEnough);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->first_line, "two");
}

TEST(ShellTest, CutsAnEndlessLine) {
  const auto outcome = run_shell("head -c 1000000 /dev/zero | tr '\\0' x", kEnough);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->first_line.size(), kMaxLine);
}

TEST(ShellTest, TellsFailureFromSuccess) {
  EXPECT_FALSE(run_shell("exit 3", kEnough)->succeeded);
  EXPECT_FALSE(run_shell("kill -9 $$", kEnough)->succeeded);
  EXPECT_FALSE(run_shell("no-such-command-here 2>/dev/null", kEnough)->succeeded);
  EXPECT_TRUE(run_shell("true", kEnough)->succeeded);
}

TEST(ShellTest, GivesACleanEnvironment) {
  ASSERT_EQ(setenv("SECRET_OF_THE_TEST", "1", 1), 0);
  ASSERT_EQ(setenv("TZ", "UTC0", 1), 0);
  EXPECT_EQ(
      run_shell("echo \"$SECRET_OF_THE_TEST|$PATH|$SHELL|$TZ|$(umask)\"", kEnough)->first_line,
      "|/sbin:/bin:/usr/sbin:/usr/bin:/usr/ucb|/bin/sh|UTC0|0077");
  ASSERT_EQ(unsetenv("TZ"), 0);
  EXPECT_EQ(run_shell("echo \"${TZ-none}\"", kEnough)->first_line, "none");
}

TEST(ShellTest, KillsWhatTakesTooLongWithItsChildren) {
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = run_shell("sleep 1000 | cat", std::chrono::milliseconds{100});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Error::Kind::Timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{30});
}

TEST(ShellTest, DoesNotWaitForWhatTheCommandLeftRunning) {
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = run_shell("sleep 40 2>/dev/null & echo $!", kEnough);
  ASSERT_TRUE(outcome);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{30});
  const auto left_running = base::to_number<pid_t>(outcome->first_line);
  ASSERT_TRUE(left_running && *left_running > 1);
  EXPECT_EQ(kill(*left_running, SIGKILL), 0);
}

TEST(SurroundingsTest, AskTheHost) {
  const Surroundings host = real_surroundings("me.example.test");
  EXPECT_EQ(host.host_name, "me.example.test");
  EXPECT_TRUE(host.system_name.starts_with("Linux:"));
  EXPECT_TRUE(host.file_exists("/bin/sh"));
  EXPECT_FALSE(host.file_exists("/no/such/file"));
  EXPECT_FALSE(host.interface_exists("192.0.2.1"));
  EXPECT_FALSE(host.interface_exists("lo"));
  EXPECT_TRUE(host.command_succeeds("test -d /"));
  EXPECT_FALSE(host.command_succeeds("test -f /"));
  EXPECT_EQ(*host.command_output("echo ' a '"), " a ");
  EXPECT_FALSE(host.command_output("echo a; exit 1"));
}

}  // namespace
}  // namespace samhain::config
