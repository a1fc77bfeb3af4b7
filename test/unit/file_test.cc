#include "sys/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace samhain::sys {
namespace {

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    // Beside the build, not in /tmp: the way there must be as trusted as the build itself.
    std::string name = std::filesystem::current_path() / "file_testXXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~FileTest() override { std::filesystem::remove_all(directory_); }
  FileTest(const FileTest&) = delete;
  FileTest& operator=(const FileTest&) = delete;

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string make(const std::string& name, mode_t mode) const {
    EXPECT_TRUE(write_file_atomically(path(name), as_bytes("x"), mode));
    return path(name);
  }
  /// The findings at or below our own directory.
  std::vector<std::string> distrust(const std::string& at, std::vector<uid_t> trusted = {}) const {
    std::vector<std::string> found;
    for (const Distrust& one : find_distrust(at, trusted)) {
      if (!one.component.starts_with(directory_)) continue;
      found.push_back(one.message + " " + one.component.substr(directory_.size()));
    }
    return found;
  }

  std::string directory_;
};

using Texts = std::vector<std::string>;

TEST_F(FileTest, OnlyAFileOfOurOwnIsTakenAsSuch) {
  const auto is_own = [](const std::string& file) {
    const auto bytes = read_own_file(file, 10);
    return bytes && as_text(*bytes) == "x";
  };
  EXPECT_TRUE(is_own(make("own", 0600)));
  EXPECT_FALSE(is_own(make("group", 0620)));
  EXPECT_FALSE(is_own(make("all", 0602)));
  ASSERT_EQ(symlink(path("own").c_str(), path("link").c_str()), 0);
  EXPECT_FALSE(is_own(path("link")));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(is_own(path("fifo")));
  EXPECT_EQ(read_own_file(path("none"), 10).error().sys_errno, ENOENT);
  EXPECT_EQ(read_own_file(path("own"), 0).error().kind, Error::Kind::Limit);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(make("foreign", 0600).c_str(), 12'345, 0), 0);
    EXPECT_FALSE(is_own(path("foreign")));
  }
}

TEST_F(FileTest, ReadsWhatWasWritten) {
  const Bytes bytes(100'000, 7);
  ASSERT_TRUE(write_file_atomically(path("f"), bytes, 0640));
  const auto read = read_file(path("f"), 100'000);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, bytes);
  struct stat facts {};
  ASSERT_EQ(stat(path("f").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0640U);
}

TEST_F(FileTest, ReadsAnEmptyFileAndOneWithoutASize) {
  ASSERT_TRUE(write_file_atomically(path("f"), {}, 0600));
  EXPECT_TRUE(read_file(path("f"), 0));
  const auto status = read_file("/proc/self/status", 1U << 20);
  ASSERT_TRUE(status);
  EXPECT_GT(status->size(), 100U);
}

TEST_F(FileTest, RefusesAFileAboveTheLimit) {
  make("f", 0600);
  EXPECT_TRUE(read_file(path("f"), 1));
  const auto read = read_file(path("f"), 0);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Error::Kind::Limit);
}

TEST_F(FileTest, NamesTheFileThatIsMissing) {
  const auto read = read_file(path("none"), 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().sys_errno, ENOENT);
  EXPECT_NE(read.error().what.find("none"), std::string::npos);
}

TEST_F(FileTest, ReplacesAFileWholeAndLeavesNothingBeside) {
  make("f", 0600);
  ASSERT_TRUE(write_file_atomically(path("f"), as_bytes("new"), 0644));
  EXPECT_EQ(as_text(*read_file(path("f"), 10)), "new");
  const auto entries = std::filesystem::directory_iterator{directory_};
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST_F(FileTest, LeavesTheOldFileAndNothingBesideWhenItFails) {
  std::filesystem::create_directory(path("d"));
  std::filesystem::create_directory(path("d/inside"));
  EXPECT_FALSE(write_file_atomically(path("d"), as_bytes("x"), 0600));  // not over a directory
  const auto entries = std::filesystem::directory_iterator{directory_};
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST_F(FileTest, TrustsAFileOfOurOwn) { EXPECT_EQ(distrust(make("f", 0644)), Texts{}); }

TEST_F(FileTest, DistrustsWhatAllMayWrite) {
  EXPECT_EQ(distrust(make("f", 0646)), Texts{"World writeable /f"});
}

TEST_F(FileTest, DistrustsADirectoryThatAllMayWriteUnlessItIsSticky) {
  std::filesystem::create_directory(path("d"));
  make("d/f", 0644);
  ASSERT_EQ(chmod(path("d").c_str(), 0757), 0);
  EXPECT_EQ(distrust(path("d/f")), Texts{"World writeable /d"});
  ASSERT_EQ(chmod(path("d").c_str(), 01757), 0);
  EXPECT_EQ(distrust(path("d/f")), Texts{});
}

TEST_F(FileTest, DistrustsAStrangersFileUnlessHeIsTrusted) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string file = make("f", 0644);
  ASSERT_EQ(chown(file.c_str(), 1, 0), 0);
  EXPECT_EQ(distrust(file), Texts{"Owner not trustworthy /f"});
  EXPECT_EQ(distrust(file, {1}), Texts{});
}

TEST_F(FileTest, DistrustsAGroupWithAStrangerAsPrimaryMember) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string file = make("f", 0664);
  ASSERT_EQ(chown(file.c_str(), 0, 1), 0);  // group daemon: user daemon has it as first group
  EXPECT_EQ(distrust(file), Texts{"Group writeable and member not trustworthy /f"});
  EXPECT_EQ(distrust(file, {1}), Texts{});
}

TEST_F(FileTest, WalksBothALinkAndItsTarget) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::create_directory(path("d"));
  make("d/f", 0646);
  std::filesystem::create_symlink("d/../d/f", path("link"));
  EXPECT_EQ(distrust(path("link")), Texts{"World writeable /d/f"});
  ASSERT_EQ(lchown(path("link").c_str(), 1, 1), 0);
  EXPECT_EQ(distrust(path("link")), (Texts{"Owner not trustworthy /link", "World writeable /d/f"}));
}

TEST_F(FileTest, FollowsAnAbsoluteLinkFromTheRoot) {
  make("f", 0646);
  std::filesystem::create_symlink(path("f"), path("link"));
  EXPECT_EQ(distrust(path("link")), Texts{"World writeable /f"});
}

TEST_F(FileTest, EndsAtALoopOfLinks) {
  std::filesystem::create_symlink("b", path("a"));
  std::filesystem::create_symlink("a", path("b"));
  ASSERT_EQ(distrust(path("a")).size(), 1U);
  EXPECT_TRUE(distrust(path("a"))[0].starts_with("stat() failed"));
}

TEST_F(FileTest, DistrustsWhatIsNotThere) {
  EXPECT_EQ(distrust(path("none/f")), Texts{"stat() failed /none"});
}

TEST_F(FileTest, WalksARelativePathFromTheWorkingDirectory) {
  const std::string name =
      std::filesystem::path{make("f", 0646)}.lexically_relative(std::filesystem::current_path());
  ASSERT_FALSE(name.starts_with('/'));
  EXPECT_EQ(distrust(name), Texts{"World writeable /f"});
}

}  // namespace
}  // namespace samhain::sys
