#include "sys/daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "sys/file.h"

namespace samhain::sys {
namespace {

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() {
    std::string name = std::filesystem::temp_directory_path() / "daemon_testXXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    pid_path_ = directory_ + "/x.pid";
  }
  ~DaemonTest() override {
    if (const auto pid = find_running(pid_path_)) kill(*pid, SIGKILL);
    std::filesystem::remove_all(directory_);
  }
  DaemonTest(const DaemonTest&) = delete;
  DaemonTest& operator=(const DaemonTest&) = delete;

  /// `start` makes the test program the daemon of sys_roles.cc.
  std::optional<int> control(std::string_view word, const std::string& manner = "good") {
    const std::vector<std::string> start = {"--test-daemon", pid_path_, manner};
    return run_control_word(word, Controlled{"sys_tests", pid_path_, start});
  }
  std::string content() const {
    const auto bytes = read_file(pid_path_, 100);
    return bytes ? std::string{as_text(*bytes)} : "unreadable";
  }

  std::string directory_;
  std::string pid_path_;
};

TEST_F(DaemonTest, ThePidFileHoldsNumberModeAndLock) {
  auto file = PidFile::create(pid_path_);
  ASSERT_TRUE(file);
  EXPECT_EQ(content(), std::to_string(getpid()) + "\n");
  struct stat facts {};
  ASSERT_EQ(stat(pid_path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0644U);
  EXPECT_EQ(find_running(pid_path_), getpid());
  file->remove();
  EXPECT_FALSE(std::filesystem::exists(pid_path_));
  EXPECT_EQ(find_running(pid_path_), std::nullopt);
}

TEST_F(DaemonTest, ASecondPidFileIsRefusedAndChangesNothing) {
  auto first = PidFile::create(pid_path_);
  ASSERT_TRUE(first);
  const auto second = PidFile::create(pid_path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::Busy);
  EXPECT_NE(second.error().what.find(std::to_string(getpid())), std::string::npos);
  EXPECT_EQ(content(), std::to_string(getpid()) + "\n");
}

TEST_F(DaemonTest, ALeftOverPidFileMisleadsNobody) {
  // The number of a process that lives, but without the lock: pid 1 as a pid that came round.
  ASSERT_TRUE(write_file_atomically(pid_path_, as_bytes(std::to_string(getppid()) + "\n"), 0644));
  EXPECT_EQ(find_running(pid_path_), std::nullopt);
  EXPECT_EQ(control("status"), 1);
  EXPECT_EQ(control("stop"), 0);
  EXPECT_EQ(control("reload"), 7);
  EXPECT_TRUE(PidFile::create(pid_path_));
}

TEST_F(DaemonTest, APidFileTakesThePlaceOfAPidFileOnly) {
  for (const std::string_view left : {"", "4711", " 4711 \n\n"}) {
    ASSERT_TRUE(write_file_atomically(pid_path_, as_bytes(left), 0644));
    EXPECT_TRUE(PidFile::create(pid_path_)) << left;
  }
  const std::string long_number(100, '1');
  for (const std::string& other : {std::string{"[Misc]\n"}, std::string{"4711 x"}, long_number}) {
    ASSERT_TRUE(write_file_atomically(pid_path_, as_bytes(other), 0644));
    const auto refused = PidFile::create(pid_path_);
    ASSERT_FALSE(refused) << other;
    EXPECT_EQ(refused.error().kind, Error::Kind::Refused);
    EXPECT_NE(refused.error().what.find(pid_path_), std::string::npos);
    EXPECT_EQ(content(), other);
  }
}

TEST_F(DaemonTest, APidFileIsNotWrittenThroughALink) {
  ASSERT_TRUE(write_file_atomically(directory_ + "/victim", as_bytes("keep"), 0644));
  std::filesystem::create_symlink("victim", pid_path_);
  const auto file = PidFile::create(pid_path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().sys_errno, ELOOP);
  EXPECT_EQ(content(), "keep");
}

TEST_F(DaemonTest, StartsReportsReloadsAndStops) {
  EXPECT_EQ(control("status"), 3);
  EXPECT_EQ(control("start"), 0);
  EXPECT_EQ(control("status"), 0);
  const auto first = find_running(pid_path_);
  ASSERT_TRUE(first);
  EXPECT_EQ(control("start"), 0);  // runs already
  EXPECT_EQ(find_running(pid_path_), first);
  EXPECT_EQ(control("reload"), 0);
  EXPECT_EQ(control("force-reload"), 0);
  EXPECT_EQ(control("restart"), 0);
  const auto second = find_running(pid_path_);
  ASSERT_TRUE(second);
  EXPECT_NE(second, first);
  EXPECT_EQ(control("stop"), 0);
  EXPECT_EQ(control("status"), 3);
  EXPECT_EQ(control("stop"), 0);
  EXPECT_EQ(control("reload"), 7);
}

TEST_F(DaemonTest, StartGivesTheStatusOfADaemonThatFails) {
  EXPECT_EQ(control("start", "fails"), 5);
  EXPECT_EQ(control("status"), 3);
}

TEST_F(DaemonTest, StartTellsADaemonThatIsKilledFromOneThatIsReady) {
  EXPECT_EQ(control("start", "dies"), 128 + SIGKILL);
}

TEST_F(DaemonTest, KnowsNoOtherWords) {
  EXPECT_EQ(control("--help"), std::nullopt);
  EXPECT_EQ(control(""), std::nullopt);
}

TEST_F(DaemonTest, AnOrdinaryUserMayLookButNotStop) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(control("start"), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65'534) != 0) _exit(1);
    _exit(control("status") == 0 && control("stop") == 4 && control("reload") == 4 ? 0 : 2);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(control("status"), 0);
  EXPECT_EQ(control("stop"), 0);
}

TEST(StandardDescriptors, AreOpenedWhereTheCallerLeftThemClosed) {
  const pid_t child = fork();
  if (child == 0) {
    close(0);
    close(2);
    if (!open_standard_descriptors()) _exit(1);
    const bool are_open =
        fcntl(0, F_GETFD) == 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) == 0;
    _exit(are_open ? 0 : 2);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace samhain::sys
