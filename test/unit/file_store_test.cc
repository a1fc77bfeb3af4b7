#include "server/file_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "fake_clock.h"
#include "scratch.h"
#include "server/digester.h"

namespace samhain::server {
namespace {

using testing::Scratch;
using testing::write_file;
using wire::FileKind;

constexpr const char* kHost = "client1.example.test";
constexpr const char* kUuid = "01234567-89ab-cdef-0123-456789abcdef";

TEST(FileNamesTest, AreTheClientsOwnThenThoseOfAll) {
  EXPECT_EQ(names_of(FileKind::Configuration, kHost, ""),
            (std::vector<std::string>{"rc.client1.example.test", "rc"}));
  EXPECT_EQ(names_of(FileKind::Baseline, "192.0.2.9", ""),
            (std::vector<std::string>{"file.192.0.2.9", "file"}));
  EXPECT_EQ(names_of(FileKind::Delta, kHost, kUuid),
            (std::vector<std::string>{"file.client1.example.test." + std::string{kUuid}}));
}

TEST(FileNamesTest, ExistForNothingThatLeadsElsewhere) {
  const std::string with_nul("a\0b", 3);
  for (const std::string& bad :
       {std::string{}, std::string{"../x"}, std::string{"a/b"}, with_nul, std::string{"a..b"},
        std::string{"a b"}, std::string{"a\n"}, std::string{"\xC3\xA4"}}) {
    EXPECT_FALSE(is_part_of_name(bad)) << bad;
    EXPECT_TRUE(names_of(FileKind::Configuration, bad, "").empty()) << bad;
    EXPECT_TRUE(names_of(FileKind::Delta, kHost, bad).empty()) << bad;
  }
  EXPECT_TRUE(is_part_of_name("2001:db8::1"));
}

class FileStoreTest : public ::testing::Test {
 protected:
  Search find(const std::vector<std::string>& names = {"rc.host", "rc"}) {
    return find_file(scratch_.path(), names, {});
  }
  void make(const std::string& name, const std::string& content = "x", mode_t mode = 0644) {
    write_file(scratch_ / name, content);
    ASSERT_EQ(chmod((scratch_ / name).c_str(), mode), 0);
  }
  void expect_refused(const std::string& reason) {
    const Search search = find();
    EXPECT_FALSE(search.file);
    ASSERT_EQ(search.obstacles.size(), 1U);
    EXPECT_EQ(search.obstacles[0].kind, Obstacle::Kind::Refused);
    EXPECT_EQ(search.obstacles[0].path, scratch_ / "rc.host");
    EXPECT_EQ(search.obstacles[0].reason, reason);
  }
  Scratch scratch_;
};

TEST_F(FileStoreTest, OpensTheFirstThatExists) {
  make("rc", "of all");
  Search search = find();
  ASSERT_TRUE(search.file);
  EXPECT_EQ(search.file->path, scratch_ / "rc");
  ASSERT_EQ(search.obstacles.size(), 1U);
  EXPECT_EQ(search.obstacles[0].kind, Obstacle::Kind::Missing);

  make("rc.host", "own");
  search = find();
  ASSERT_TRUE(search.file);
  EXPECT_EQ(search.file->path, scratch_ / "rc.host");
  EXPECT_EQ(search.file->key.size, 3U);
  EXPECT_TRUE(search.obstacles.empty());
}

TEST_F(FileStoreTest, NamesEveryFileThatIsMissing) {
  const Search search = find();
  EXPECT_FALSE(search.file);
  ASSERT_EQ(search.obstacles.size(), 2U);
  EXPECT_EQ(search.obstacles[1].path, scratch_ / "rc");
  EXPECT_EQ(search.obstacles[1].reason, "No such file or directory");
}

TEST_F(FileStoreTest, TakesANameThatIsTooLongForOneThatIsMissing) {
  make("rc");
  EXPECT_TRUE(find({std::string(300, 'x'), "rc"}).file);
}

TEST_F(FileStoreTest, RefusesWhatIsNoRegularFileAndTakesNothingInItsPlace) {
  make("rc");
  const std::string own = scratch_ / "rc.host";
  ASSERT_EQ(mkdir(own.c_str(), 0755), 0);
  expect_refused("Is a directory");
  ASSERT_EQ(rmdir(own.c_str()), 0);
  ASSERT_EQ(mkfifo(own.c_str(), 0644), 0);
  expect_refused("Is a fifo");
  ASSERT_EQ(unlink(own.c_str()), 0);
  ASSERT_EQ(symlink("nowhere", own.c_str()), 0);
  expect_refused("Symbolic link, stat() failed");
}

TEST_F(FileStoreTest, RefusesWhatAnybodyCouldHaveWritten) {
  make("rc.host", "x", 0666);
  expect_refused("World writeable");
  make("rc.host", "x", 0644);
  EXPECT_TRUE(find().file);
  ASSERT_EQ(chmod(scratch_.path().c_str(), 0777), 0);
  expect_refused("World writeable");
}

TEST_F(FileStoreTest, FollowsASymlinkToWhatIsTrusted) {
  make("target", "there");
  ASSERT_EQ(symlink("target", (scratch_ / "rc.host").c_str()), 0);
  Search search = find();
  ASSERT_TRUE(search.file);
  EXPECT_EQ(search.file->key.size, 5U);
  make("target", "there", 0666);
  expect_refused("Symbolic link, World writeable");
}

TEST_F(FileStoreTest, SendsNothingAboveTwoGigabytes) {
  make("rc.host");
  ASSERT_EQ(truncate((scratch_ / "rc.host").c_str(), kMaxStoredFile), 0);
  EXPECT_TRUE(find().file);
  ASSERT_EQ(truncate((scratch_ / "rc.host").c_str(), kMaxStoredFile + 1), 0);
  const Search search = find();
  EXPECT_FALSE(search.file);
  ASSERT_EQ(search.obstacles.size(), 1U);
  EXPECT_EQ(search.obstacles[0].kind, Obstacle::Kind::TooLarge);
}

class DigesterTest : public FileStoreTest {
 protected:
  void SetUp() override {
    auto loop = sys::Loop::create();
    ASSERT_TRUE(loop);
    loop_ = std::move(*loop);
    chores_.emplace(*loop_);
    digester_.emplace(*chores_, clock_);
  }
  StoredFile open() {
    Search search = find();
    EXPECT_TRUE(search.file);
    return std::move(*search.file);
  }
  /// How often the answer came, and the last one.
  void ask(const StoredFile& file) {
    digester_->digest(file, [this](const Result<Digest>& digest) {
      ++answers_;
      answer_ = digest ? std::optional{*digest} : std::nullopt;
    });
  }
  void run_until(int answers) {
    for (int i = 0; i < 10'000 && answers_ < answers; ++i) {
      loop_->soon([this] { loop_->stop(); });
      loop_->run();
    }
    ASSERT_EQ(answers_, answers);
  }
  void set_clock(std::int64_t ns) {
    clock_.advance(std::chrono::nanoseconds{ns - clock_.now_ns()});
  }
  test::FakeClock clock_;
  std::unique_ptr<sys::Loop> loop_;
  std::optional<Chores> chores_;
  std::optional<Digester> digester_;
  int answers_ = 0;
  std::optional<Digest> answer_;
};

TEST_F(DigesterTest, DigestsInSlicesAndOnceForAllWhoAsk) {
  const std::string content(5 * Chores::kSliceSize + 17, 'y');
  make("rc", content);
  const StoredFile file = open();
  ask(file);
  ask(file);
  EXPECT_EQ(answers_, 0) << "nobody waits for the whole of it";
  run_until(2);
  EXPECT_EQ(answer_, crypto::sha256(as_bytes(content)));
}

TEST_F(DigesterTest, RemembersOnlyWhatHasSettled) {
  make("rc", "old");
  const StoredFile file = open();
  set_clock(file.key.ctime_ns + 1);
  ask(file);
  run_until(1);
  ask(file);
  EXPECT_EQ(answers_, 1) << "too new: it may change unseen";
  run_until(2);
  set_clock(file.key.ctime_ns + 3'000'000'000);
  ask(file);
  run_until(3);
  ask(file);
  EXPECT_EQ(answers_, 4) << "known";
  EXPECT_EQ(answer_, crypto::sha256(as_bytes("old")));
}

TEST_F(DigesterTest, SaysThatAFileChangedWhileItWasRead) {
  make("rc", std::string(3 * Chores::kSliceSize, 'y'));
  const StoredFile file = open();
  ask(file);
  testing::append_file(scratch_ / "rc", "more");
  run_until(1);
  EXPECT_FALSE(answer_);
}

}  // namespace
}  // namespace samhain::server
