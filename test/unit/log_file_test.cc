#include "sink/log_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "crypto/digest.h"
#include "sink_support.h"

namespace samhain::sink {
namespace {

class LogFileTest : public testing::Test {
 protected:
  std::string path() const { return directory.file("log"); }
  Result<std::unique_ptr<LogFile>> try_open() {
    return LogFile::open({path(), {report::Form::Classic, {}}, {}});
  }
  std::unique_ptr<LogFile> open() {
    auto log = try_open();
    EXPECT_TRUE(log) << log.error().text();
    return log ? std::move(*log) : nullptr;
  }
  static std::string line(const std::string& name) {
    return report::line_of(some_report(Severity::Crit, name), report::Form::Classic) + "\n";
  }
  static void write(LogFile& log, const std::string& name) {
    ASSERT_TRUE(log.write(some_report(Severity::Crit, name)));
  }
  void append_raw(const std::string& text) const {
    std::ofstream{path(), std::ios::app | std::ios::binary} << text;
  }
  TemporaryDirectory directory;
};

/// No file of this process may grow beyond what the test says: a disk as full as we like.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(LogFileTest, WritesABatchWhenCommitted) {
  const auto log = open();
  write(*log, "/a");
  write(*log, "/b");
  EXPECT_EQ(content_of(path()), "");
  EXPECT_GT(log->pending(), 0U);
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path()), line("/a") + line("/b"));
  EXPECT_EQ(log->pending(), 0U);
}

TEST_F(LogFileTest, MakesTheFile0640WhateverTheUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{077}}) {
    const mode_t before = umask(mask);
    { const auto log = open(); }
    umask(before);
    struct stat facts {};
    ASSERT_EQ(stat(path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0640U);
    std::filesystem::remove(path());
  }
}

TEST_F(LogFileTest, AppendsToWhatIsThere) {
  append_raw("old\n");
  const auto log = open();
  write(*log, "/a");
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path()), "old\n" + line("/a"));
}

TEST_F(LogFileTest, BeginsANewLineBehindATornOne) {
  append_raw("old\ntorn");
  const auto log = open();
  write(*log, "/a");
  write(*log, "/b");
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path()), "old\ntorn\n" + line("/a") + line("/b"));
}

TEST_F(LogFileTest, IsLockedByItsProcess) {
  auto log = open();
  EXPECT_EQ(content_of(path() + ".lock"), std::to_string(getpid()) + "\n");
  const auto second = try_open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::Busy);
  const auto lines = LogFile::explain_failure({path(), {}, {}}, second.error(), 0);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].message(), "File lock error");
  EXPECT_EQ(lines[0].find("path"), path());
  EXPECT_EQ(lines[0].find("obj"), path() + ".lock");

  log.reset();
  EXPECT_FALSE(std::filesystem::exists(path() + ".lock"));
  EXPECT_TRUE(try_open());
}

TEST_F(LogFileTest, IgnoresALockThatOutlivedItsProcess) {
  std::ofstream{path() + ".lock"} << "1\n";
  EXPECT_TRUE(try_open());
}

TEST_F(LogFileTest, RefusesADirectoryThatAllMayWriteAndSaysWhichOne) {
  std::filesystem::create_directory(directory.file("open"));
  ASSERT_EQ(chmod(directory.file("open").c_str(), 0777), 0);
  const LogFile::Settings settings{directory.file("open") + "/log", {}, {}};
  const auto log = LogFile::open(settings);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, Error::Kind::Refused);
  EXPECT_EQ(log.error().what, "World writeable: " + directory.file("open"));
  EXPECT_FALSE(std::filesystem::exists(settings.path)) << "nothing is made there";

  const auto lines = LogFile::explain_failure(settings, log.error(), 0);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(report::line_of(lines[0], report::Form::Classic).substr(37),
            "msg=<World writeable>, subroutine=<trustfile>, path=<" + settings.path + ">, obj=<" +
                directory.file("open") + ">");
  EXPECT_EQ(lines[1].message(), "Untrusted path");
  EXPECT_EQ(lines[1].find("userid"), std::to_string(geteuid()));
}

TEST_F(LogFileTest, SaysThatItCannotWriteThere) {
  const LogFile::Settings settings{directory.file("none") + "/log", {}, {}};
  const auto log = LogFile::open(settings);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, Error::Kind::System);
  const auto lines = LogFile::explain_failure(settings, log.error(), 0);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].message(), "File not accessible");
}

TEST_F(LogFileTest, RefusesAFifo) {
  ASSERT_EQ(mkfifo(path().c_str(), 0640), 0);
  const auto log = try_open();
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, Error::Kind::Refused);
}

TEST_F(LogFileTest, FollowsARotation) {
  const auto log = open();
  write(*log, "/a");
  ASSERT_TRUE(log->commit());
  std::filesystem::rename(path(), path() + ".1");
  write(*log, "/b");
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path() + ".1"), line("/a"));
  EXPECT_EQ(content_of(path()), line("/b"));

  std::filesystem::remove(path());
  write(*log, "/c");
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path()), line("/c"));
}

TEST_F(LogFileTest, TakesABatchBackThatDoesNotFitTheDisk) {
  const auto log = open();
  write(*log, "/a");
  ASSERT_TRUE(log->commit());
  write(*log, "/b");
  write(*log, "/c");
  {
    const FullDisk disk{line("/a").size() + 10};
    const auto committed = log->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, Error::Kind::System);
    EXPECT_EQ(content_of(path()), line("/a"));
    write(*log, "/d");
    EXPECT_FALSE(log->commit());
    EXPECT_EQ(content_of(path()), line("/a"));
  }
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path()), line("/a") + line("/b") + line("/c") + line("/d"));
}

TEST_F(LogFileTest, KeepsOnlySoMuchForADiskThatTakesNothing) {
  const auto log = open();
  const Report report = some_report(Severity::Crit, "/" + std::string(1U << 20, 'x'));
  Result<void> written;
  for (std::size_t i = 0; i < 2 * (kMaxPending >> 20) && written; ++i) written = log->write(report);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::Limit);
  EXPECT_LE(log->pending(), kMaxPending);
}

TEST_F(LogFileTest, AnnouncesWhereTheBatchWillLand) {
  append_raw("old\n");
  const auto log = open();
  write(*log, "/a");
  const auto landing = log->landing();
  ASSERT_TRUE(landing);
  EXPECT_EQ(landing->offset, 4U);
  EXPECT_EQ(landing->length, line("/a").size());
  EXPECT_EQ(landing->digest, crypto::sha256(as_bytes(line("/a"))));
  struct stat facts {};
  ASSERT_EQ(stat(path().c_str(), &facts), 0);
  EXPECT_EQ(landing->inode, facts.st_ino);
  EXPECT_EQ(landing->device, facts.st_dev);
}

TEST_F(LogFileTest, LandsWhereItWasAnnouncedEvenIfThatFileMoves) {
  const auto log = open();
  write(*log, "/a");
  const auto landing = log->landing();
  ASSERT_TRUE(landing);
  std::filesystem::rename(path(), path() + ".1");
  ASSERT_TRUE(log->commit());
  EXPECT_EQ(content_of(path() + ".1"), line("/a"));
  const auto found = LogFile::settle(path(), *landing);
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found) << "looked for in the directory";
}

TEST_F(LogFileTest, SettlesABatchTornAtAnyByte) {
  append_raw("old\n");
  const std::string batch = line("/a") + line("/b");
  auto log = open();
  write(*log, "/a");
  write(*log, "/b");
  const auto landing = log->landing();
  ASSERT_TRUE(landing);
  log.reset();
  for (std::size_t size = 0; size <= batch.size(); ++size) {
    std::filesystem::resize_file(path(), 4);
    append_raw(batch.substr(0, size));
    const auto found = LogFile::settle(path(), *landing);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, size == batch.size());
    EXPECT_EQ(content_of(path()), size == batch.size() ? "old\n" + batch : "old\n");
  }
}

TEST_F(LogFileTest, SettlesNothingElse) {
  auto log = open();
  write(*log, "/a");
  const auto landing = log->landing();
  ASSERT_TRUE(landing);
  log.reset();
  const std::string others(line("/a").size() + 1, 'x');
  append_raw(others);
  auto found = LogFile::settle(path(), *landing);
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  EXPECT_EQ(content_of(path()), others) << "longer than the batch: not ours to cut";

  std::filesystem::rename(path(), directory.file("elsewhere"));
  std::filesystem::remove(directory.file("elsewhere"));
  found = LogFile::settle(path(), *landing);
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(LogFileTest, FindsAWholeBatchAfterAKill) {
  const auto log = open();
  write(*log, "/a");
  const auto landing = log->landing();
  ASSERT_TRUE(landing);
  const pid_t child = fork();
  if (child == 0) {
    (void)log->commit();
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const auto found = LogFile::settle(path(), *landing);
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found);
}

}  // namespace
}  // namespace samhain::sink
