#include "scan/measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/hex.h"
#include "unit/scratch.h"

namespace samhain::scan {
namespace {

using policy::Attribute;
using policy::AttributeSet;
using samhain::testing::append_file;
using samhain::testing::make_directory;
using samhain::testing::Scratch;
using samhain::testing::write_file;

AttributeSet read_only() {
  AttributeSet set;
  for (const Attribute attribute : {Attribute::Checksum, Attribute::Mode, Attribute::Size}) {
    set.add(attribute);
  }
  return set;
}

class MeasureTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  UniqueFd directory_{open(scratch_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  std::function<void(std::uint64_t)> before_content_ = [](std::uint64_t) {};
  std::function<void(std::size_t)> on_progress_ = [](std::size_t) {};
  Measure measure_{{.before_content = [this](std::uint64_t size) { before_content_(size); },
                    .on_progress =
                        [this](std::size_t bytes) {
                          on_progress_(bytes);
                          return std::chrono::nanoseconds{};
                        }},
                   std::chrono::seconds(120)};

  FileFacts measure(const std::string& name, std::uint8_t type = DT_UNKNOWN,
                    AttributeSet attributes = read_only(), std::uint64_t prefix = 0) {
    FileFacts facts;
    facts.digest.kind = DigestKind::Md5;  // left over from the one before
    measure_.measure(directory_.get(),
                     {.name = name, .attributes = attributes, .prefix_size = prefix, .type = type},
                     facts);
    EXPECT_EQ(facts.name, name);
    return facts;
  }
  static std::string digest_of(const std::string& content) {
    return base::hex(crypto::sha256(as_bytes(content)));
  }
  static std::string digest_of(const FileFacts& facts) {
    return facts.digest ? base::hex(facts.digest.view()) : "";
  }
};

TEST_F(MeasureTest, KnowsAllOfAFile) {
  write_file(scratch_ / "f", "content");
  ASSERT_EQ(chmod((scratch_ / "f").c_str(), 04751), 0);
  ASSERT_EQ(link((scratch_ / "f").c_str(), (scratch_ / "g").c_str()), 0);
  struct stat wanted {};
  ASSERT_EQ(stat((scratch_ / "f").c_str(), &wanted), 0);
  for (const std::uint8_t type : {DT_REG, DT_UNKNOWN}) {
    const FileFacts facts = measure("f", type);
    EXPECT_EQ(facts.failed_stage, Stage::None);
    EXPECT_EQ(facts.mode, wanted.st_mode);
    EXPECT_EQ(facts.uid, wanted.st_uid);
    EXPECT_EQ(facts.gid, wanted.st_gid);
    EXPECT_EQ(facts.links, 2U);
    EXPECT_EQ(facts.inode, wanted.st_ino);
    EXPECT_EQ(facts.device, wanted.st_dev);
    EXPECT_EQ(facts.rdevice, 0U);
    EXPECT_EQ(facts.size, 7U);
    EXPECT_EQ(facts.mtime.seconds, wanted.st_mtim.tv_sec);
    EXPECT_EQ(facts.mtime.nanoseconds, wanted.st_mtim.tv_nsec);
    EXPECT_EQ(facts.ctime.seconds, wanted.st_ctim.tv_sec);
    EXPECT_EQ(digest_of(facts), digest_of("content"));
    EXPECT_FALSE(facts.prefix_digest);
  }
}

TEST_F(MeasureTest, DigestsFilesOfEverySizeAroundItsBuffer) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, (128UL << 10) - 1, 128UL << 10,
                                 (128UL << 10) + 1, 1UL << 20}) {
    std::string content(size, 'c');
    if (size > 0) content.back() = 'e';
    write_file(scratch_ / "f", content);
    const FileFacts facts = measure("f", DT_REG);
    EXPECT_EQ(facts.failed_stage, Stage::None) << size;
    EXPECT_EQ(digest_of(facts), digest_of(content)) << size;
  }
}

TEST_F(MeasureTest, LeavesTheAccessTimeAlone) {
  write_file(scratch_ / "f", "content");
  const timespec times[2] = {{1'000, 0}, {2'000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (scratch_ / "f").c_str(), times, 0), 0);
  measure("f", DT_REG);
  EXPECT_EQ(measure("f", DT_REG).atime.seconds, 1'000);
}

TEST_F(MeasureTest, ReadsNothingThatIsNotAskedFor) {
  write_file(scratch_ / "f", "content");
  bool has_read = false;
  before_content_ = [&](std::uint64_t) { has_read = true; };
  AttributeSet owner;
  owner.add(Attribute::User);
  EXPECT_EQ(measure("f", DT_REG, owner).size, 7U);
  EXPECT_FALSE(measure("f", DT_REG, AttributeSet{}).digest);
  EXPECT_FALSE(has_read);
}

TEST_F(MeasureTest, KnowsASymlinkItself) {
  ASSERT_EQ(symlink("no/such\nplace", (scratch_ / "l").c_str()), 0);
  for (const std::uint8_t type : {DT_LNK, DT_UNKNOWN}) {
    const FileFacts facts = measure("l", type);
    EXPECT_TRUE(S_ISLNK(facts.mode));
    EXPECT_EQ(facts.target, "no/such\nplace");
    EXPECT_EQ(facts.failed_stage, Stage::None);
    EXPECT_FALSE(facts.digest);
  }
}

TEST_F(MeasureTest, OpensNeitherFifosNorSockets) {
  ASSERT_EQ(mkfifo((scratch_ / "p").c_str(), 0600), 0);
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (scratch_ / "s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  for (const std::uint8_t type : {DT_UNKNOWN, DT_FIFO, DT_REG}) {
    EXPECT_TRUE(S_ISFIFO(measure("p", type).mode));
  }
  for (const std::uint8_t type : {DT_UNKNOWN, DT_SOCK, DT_REG}) {
    EXPECT_TRUE(S_ISSOCK(measure("s", type).mode));
  }
  EXPECT_EQ(measure("p").failed_stage, Stage::None);
}

TEST_F(MeasureTest, KnowsDevicesByTheirNumbers) {
  if (mknod((scratch_ / "d").c_str(), S_IFCHR | 0600, makedev(10, 200)) != 0) {
    GTEST_SKIP() << "needs CAP_MKNOD";
  }
  const FileFacts facts = measure("d");
  EXPECT_TRUE(S_ISCHR(facts.mode));
  EXPECT_EQ(facts.rdevice, makedev(10, 200));
}

TEST_F(MeasureTest, SaysWhatIsNotThere) {
  for (const std::uint8_t type : {DT_UNKNOWN, DT_REG, DT_DIR, DT_LNK}) {
    const FileFacts facts = measure("none", type);
    EXPECT_EQ(facts.failed_stage, Stage::Lstat);
    EXPECT_EQ(facts.failed_errno, ENOENT);
    EXPECT_FALSE(facts.digest);
  }
}

TEST_F(MeasureTest, KnowsWhatItMayNotReadButForWhatNeedsThat) {
  write_file(scratch_ / "f", "content");
  ASSERT_EQ(chmod((scratch_ / "f").c_str(), 0), 0);
  make_directory(scratch_ / "d");
  ASSERT_EQ(chmod((scratch_ / "d").c_str(), 0), 0);
  ASSERT_EQ(chmod(scratch_.path().c_str(), 0755), 0);
  const bool is_root = geteuid() == 0;  // who may read everything
  ASSERT_TRUE(!is_root || seteuid(65'534) == 0);
  const auto measured = [this](const char* name, Attribute attribute) {
    AttributeSet attributes;
    attributes.add(attribute);
    return measure(name, DT_UNKNOWN, attributes);
  };
  const FileFacts content = measured("f", Attribute::Checksum);
  const FileFacts flags = measured("f", Attribute::Flags);
  const FileFacts acl = measured("d", Attribute::Acl);
  const FileFacts size = measured("f", Attribute::Size);
  ASSERT_TRUE(!is_root || seteuid(0) == 0);
  for (const FileFacts& facts : {content, flags, acl}) {
    EXPECT_EQ(facts.failed_stage, Stage::Open);
    EXPECT_EQ(facts.failed_errno, EACCES);
    EXPECT_FALSE(facts.digest);
  }
  EXPECT_EQ(content.size, 7U);
  EXPECT_EQ(size.failed_stage, Stage::None);
}

TEST_F(MeasureTest, FollowsNoSymlinkThatTookAFilesPlace) {
  write_file(scratch_ / "secret", "secret");
  ASSERT_EQ(symlink("secret", (scratch_ / "f").c_str()), 0);
  const FileFacts facts = measure("f", DT_REG);  // a regular file when it was listed
  EXPECT_TRUE(S_ISLNK(facts.mode));
  EXPECT_EQ(facts.target, "secret");
  EXPECT_FALSE(facts.digest);
}

TEST_F(MeasureTest, MeasuresAnewWhatTurnedIntoAnotherType) {
  make_directory(scratch_ / "d");
  EXPECT_TRUE(S_ISDIR(measure("d", DT_REG).mode));
  write_file(scratch_ / "f", "content");
  EXPECT_EQ(digest_of(measure("f", DT_DIR)), digest_of("content"));
  EXPECT_EQ(digest_of(measure("f", DT_LNK)), digest_of("content"));
}

TEST_F(MeasureTest, ReadsAgainWhatChangedWhileItWasRead) {
  write_file(scratch_ / "f", std::string(1U << 20, 'x'));
  int changes = 1;
  on_progress_ = [&](std::size_t) {
    if (changes-- > 0) append_file(scratch_ / "f", "more");
  };
  const FileFacts facts = measure("f", DT_REG);
  EXPECT_EQ(facts.failed_stage, Stage::None);
  EXPECT_EQ(digest_of(facts), digest_of(std::string(1U << 20, 'x') + "more"));
}

TEST_F(MeasureTest, SaysThatAFileWhichKeepsChangingIsUnstable) {
  write_file(scratch_ / "f", std::string(1U << 20, 'x'));
  on_progress_ = [&](std::size_t) { append_file(scratch_ / "f", "more"); };
  const FileFacts facts = measure("f", DT_REG);
  EXPECT_EQ(facts.failed_stage, Stage::Unstable);
  EXPECT_FALSE(facts.digest);
  EXPECT_GT(facts.size, 0U);
}

TEST_F(MeasureTest, NoticesThatAFileWasCutWhileItWasRead) {
  write_file(scratch_ / "f", std::string(1U << 20, 'x'));
  int cuts = 0;
  on_progress_ = [&](std::size_t) {
    if (cuts++ > 0) return;
    ASSERT_EQ(truncate((scratch_ / "f").c_str(), 10), 0);
  };
  const FileFacts facts = measure("f", DT_REG);
  EXPECT_EQ(facts.failed_stage, Stage::None);
  EXPECT_EQ(digest_of(facts), digest_of(std::string(10, 'x')));
}

class MeasureHurriedTest : public MeasureTest {
 protected:
  Measure hurried_{{.before_content = [](std::uint64_t) {},
                    .on_progress = [](std::size_t) { return std::chrono::nanoseconds{}; }},
                   std::chrono::milliseconds(50)};
};

TEST_F(MeasureHurriedTest, GivesUpASparseFileThatNeverEnds) {
  write_file(scratch_ / "sparse", "");
  ASSERT_EQ(truncate((scratch_ / "sparse").c_str(), off_t{15} << 40), 0);
  write_file(scratch_ / "f", "content");
  FileFacts facts;
  hurried_.measure(directory_.get(),
                   {.name = "sparse", .attributes = read_only(), .prefix_size = 1}, facts);
  EXPECT_EQ(facts.failed_stage, Stage::Timeout);
  EXPECT_EQ(facts.failed_errno, ETIMEDOUT);
  EXPECT_EQ(facts.size, std::uint64_t{15} << 40);
  EXPECT_FALSE(facts.digest);
  EXPECT_FALSE(facts.prefix_digest);

  hurried_.measure(directory_.get(), {.name = "f", .attributes = read_only()}, facts);
  EXPECT_EQ(facts.failed_stage, Stage::None);
  EXPECT_EQ(digest_of(facts), digest_of("content"));
}

TEST_F(MeasureHurriedTest, TakesTheTimeThatContentOnADiskNeeds) {
  const std::string content(6U << 20, 'x');  // six seconds more
  write_file(scratch_ / "f", content);
  Measure slow({.before_content = [](std::uint64_t) {},
                .on_progress = [](std::size_t) { return std::chrono::nanoseconds{}; }},
               std::chrono::milliseconds(0));
  FileFacts facts;
  slow.measure(directory_.get(), {.name = "f", .attributes = read_only()}, facts);
  EXPECT_EQ(facts.failed_stage, Stage::None);
  EXPECT_EQ(digest_of(facts), digest_of(content));
}

TEST_F(MeasureTest, ReadsPseudoFilesWhoseSizeIsZero) {
  directory_.reset(open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const FileFacts facts = measure("cmdline");
  EXPECT_EQ(facts.failed_stage, Stage::None);
  EXPECT_EQ(facts.size, 0U);
  EXPECT_NE(digest_of(facts), digest_of(""));
}

TEST_F(MeasureTest, DigestsTheBeginningOfALogBesides) {
  AttributeSet growing = read_only();
  growing.add(Attribute::Growing);
  const std::string old_part(200'000, 'o');
  write_file(scratch_ / "log", old_part + "new");
  FileFacts facts = measure("log", DT_REG, growing, old_part.size());
  EXPECT_EQ(digest_of(facts), digest_of(old_part + "new"));
  ASSERT_TRUE(facts.prefix_digest);
  EXPECT_EQ(base::hex(facts.prefix_digest.view()), digest_of(old_part));
  // The whole of it, and more than there is.
  facts = measure("log", DT_REG, growing, old_part.size() + 3);
  EXPECT_EQ(facts.prefix_digest, facts.digest);
  EXPECT_FALSE(measure("log", DT_REG, growing, old_part.size() + 4).prefix_digest);
}

TEST_F(MeasureTest, DigestsALogUpToTheSizeItTells) {
  AttributeSet growing = read_only();
  growing.add(Attribute::Growing);
  const std::string before(1U << 20, 'x');
  write_file(scratch_ / "log", before);
  on_progress_ = [&](std::size_t) { append_file(scratch_ / "log", "line\n"); };
  const FileFacts facts = measure("log", DT_REG, growing);
  EXPECT_EQ(facts.failed_stage, Stage::None);
  EXPECT_EQ(facts.size, before.size());
  EXPECT_EQ(digest_of(facts), digest_of(before));
}

class MeasureCacheTest : public MeasureTest {
 protected:
  const std::string content_ = std::string((20U << 20) + 5, 'x');
  UniqueFd file_;

  void SetUp() override {
    write_file(scratch_ / "f", content_);
    file_.reset(open((scratch_ / "f").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file_);
    ASSERT_EQ(fsync(file_.get()), 0);  // what is dirty stays in the cache
  }
  void empty_cache() const { ASSERT_EQ(posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED), 0); }
  std::size_t cached_pages() const {
    void* map = mmap(nullptr, content_.size(), PROT_READ, MAP_SHARED, file_.get(), 0);
    EXPECT_NE(map, MAP_FAILED);
    std::vector<unsigned char> pages((content_.size() + 4095) / 4096);
    EXPECT_EQ(mincore(map, content_.size(), pages.data()), 0);
    munmap(map, content_.size());
    return static_cast<std::size_t>(
        std::ranges::count_if(pages, [](unsigned char page) { return (page & 1U) != 0; }));
  }
  bool can_tell() const {
    char byte = 0;
    const iovec piece{&byte, 1};
    return preadv2(file_.get(), &piece, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
  }
  FileFacts measure_with(bool drops_cache) {
    Measure measure({.before_content = [](std::uint64_t) {},
                     .on_progress = [](std::size_t) { return std::chrono::nanoseconds{}; }},
                    std::chrono::seconds(120), drops_cache);
    FileFacts facts;
    measure.measure(directory_.get(), {.name = "f", .attributes = read_only()}, facts);
    return facts;
  }
};

TEST_F(MeasureCacheTest, WhatWasNotCachedIsNotAfterwards) {
  if (!can_tell()) GTEST_SKIP() << "this file system does not tell";
  empty_cache();
  ASSERT_EQ(cached_pages(), 0U);
  EXPECT_EQ(digest_of(measure_with(true)), digest_of(content_));
  EXPECT_EQ(cached_pages(), 0U);
  EXPECT_EQ(digest_of(measure_with(false)), digest_of(content_));
  EXPECT_EQ(cached_pages(), content_.size() / 4096 + 1) << "else the test shows nothing";
}

TEST_F(MeasureCacheTest, WhatWasCachedStays) {
  const std::size_t before = cached_pages();
  ASSERT_GT(before, 0U);
  EXPECT_EQ(digest_of(measure_with(true)), digest_of(content_));
  EXPECT_EQ(cached_pages(), before);
}

}  // namespace
}  // namespace samhain::scan
