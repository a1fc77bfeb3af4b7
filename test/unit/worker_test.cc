#include "scan/worker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "unit/scratch.h"

namespace samhain::scan {
namespace {

using policy::Attribute;
using policy::AttributeSet;
using samhain::testing::make_directory;
using samhain::testing::Scratch;
using samhain::testing::write_file;

class WorkerTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  std::vector<Reply> replies_;
  std::vector<std::string> begun_;
  std::vector<Remark> remarks_;
  std::vector<std::string> log_;  // in order: "begin NAME", "facts NAME", "flush"
  Worker worker_{{.send = [this](std::uint16_t kind, ByteView payload) { take(kind, payload); },
                  .flush = [this] { log_.emplace_back("flush"); }},
                 {}};

  void take(std::uint16_t kind, ByteView payload) {
    if (kind == kRemark) {
      const auto remark = decode_remark(payload);
      ASSERT_TRUE(remark);
      remarks_.push_back(remark->remark);
      return;
    }
    if (kind == kBegin) {
      begun_.push_back(decode_begin(payload)->name);
      log_.push_back("begin " + begun_.back());
      return;
    }
    auto reply = decode_reply(payload);
    ASSERT_TRUE(reply);
    for (const FileFacts& facts : reply->answer.facts) log_.push_back("facts " + facts.name);
    replies_.push_back(*std::move(reply));
  }
  static AttributeSet checksum() {
    AttributeSet set;
    set.add(Attribute::Checksum);
    return set;
  }
  Request listing() {
    Request request;
    request.order.directory = scratch_.path();
    request.order.lists = true;
    request.order.attributes = checksum();
    return request;
  }
  std::set<std::string> measured() const {
    std::set<std::string> names;
    for (const Reply& reply : replies_) {
      for (const FileFacts& facts : reply.answer.facts) names.insert(facts.name);
    }
    return names;
  }
  std::set<std::string> left() const {
    std::set<std::string> names;
    for (const Reply& reply : replies_) {
      for (const Wanted& wanted : reply.answer.rest) names.insert(wanted.name);
    }
    return names;
  }
};

TEST_F(WorkerTest, MeasuresEveryEntryOfADirectory) {
  write_file(scratch_ / "f", "1");
  write_file(scratch_ / ".hidden", "2");
  make_directory(scratch_ / "d");
  worker_.perform(listing());
  EXPECT_EQ(measured(), (std::set<std::string>{"f", ".hidden", "d"}));
  EXPECT_TRUE(replies_.back().answer.is_last);
  EXPECT_EQ(replies_.back().answer.failed_stage, Stage::None);
  EXPECT_EQ(replies_.back().answer.bytes_read, 2U);
}

TEST_F(WorkerTest, KeepsToARuleOfItsOwnForAName) {
  write_file(scratch_ / "a", "1");
  write_file(scratch_ / "ignored", "2");
  Request request = listing();
  request.order.names.push_back({.name = "ignored", .attributes = {}});
  worker_.perform(request);
  for (const FileFacts& facts : replies_.back().answer.facts) {
    EXPECT_EQ(static_cast<bool>(facts.digest), facts.name == "a");
  }
}

TEST_F(WorkerTest, TellsOfNamesThatAreNotThere) {
  write_file(scratch_ / "f", "1");
  Request request = listing();
  request.order.lists = false;
  request.order.names = {{.name = "f", .attributes = checksum()}, {.name = "none"}};
  worker_.perform(request);
  ASSERT_EQ(replies_.back().answer.facts.size(), 2U);
  EXPECT_EQ(replies_.back().answer.facts[1].failed_errno, ENOENT);
}

TEST_F(WorkerTest, SaysWhyADirectoryCannotBeOpened) {
  Request request = listing();
  request.order.directory = scratch_ / "none";
  worker_.perform(request);
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_TRUE(replies_[0].answer.is_last);
  EXPECT_EQ(replies_[0].answer.failed_stage, Stage::Opendir);
  EXPECT_EQ(replies_[0].answer.failed_errno, ENOENT);
}

TEST_F(WorkerTest, LeavesTheRestBeforeItReadsABigFile) {
  for (int i = 0; i < 6; ++i) {
    const std::string path = scratch_ / ("f" + std::to_string(i));
    write_file(path, "");
    ASSERT_EQ(truncate(path.c_str(), 17 << 20), 0);
  }
  worker_.perform(listing());
  EXPECT_EQ(measured().size(), 1U);
  EXPECT_EQ(left().size(), 5U);
  // The others were told of before the reading began, hence by a flush.
  const auto flush = std::find(log_.begin(), log_.end(), "flush");
  EXPECT_LT(flush - log_.begin(),
            std::find(log_.begin(), log_.end(), "facts " + *measured().begin()) - log_.begin());
}

TEST_F(WorkerTest, LeavesTheRestOfAVeryFullDirectory) {
  constexpr std::size_t kFiles = 5'000;
  for (std::size_t i = 0; i < kFiles; ++i) write_file(scratch_ / ("f" + std::to_string(i)), "");
  worker_.perform(listing());
  EXPECT_EQ(measured().size(), kMaxNames);
  EXPECT_EQ(left().size(), kFiles - kMaxNames);
  for (const std::string& name : left()) EXPECT_FALSE(measured().contains(name));
}

TEST_F(WorkerTest, SaysWhereItIsBeforeItGoesThereWhenAskedToBeCareful) {
  write_file(scratch_ / "f", "1");
  write_file(scratch_ / "hung", "1");
  Request request = listing();
  request.is_careful = true;
  request.skipped = {"hung"};
  worker_.perform(request);
  EXPECT_EQ(begun_, (std::vector<std::string>{"", "f"}));
  EXPECT_EQ(log_, (std::vector<std::string>{"begin ", "flush", "begin f", "flush", "facts f"}));
}

TEST_F(WorkerTest, FindsAFileByItsInode) {
  write_file(scratch_ / "a", "one");
  write_file(scratch_ / "b", "two!");
  struct stat facts {};
  ASSERT_EQ(stat((scratch_ / "b").c_str(), &facts), 0);
  Request request;
  request.order.directory = scratch_.path();
  request.order.inode = facts.st_ino;
  request.order.prefix_size = 3;
  request.order.attributes = checksum();
  worker_.perform(request);
  ASSERT_EQ(replies_.back().answer.facts.size(), 1U);
  EXPECT_EQ(replies_.back().answer.facts[0].name, "b");
  const Digest wanted = crypto::sha256(as_bytes("two"));
  EXPECT_TRUE(std::ranges::equal(replies_.back().answer.facts[0].prefix_digest.view(), wanted));
}

TEST_F(WorkerTest, DoesNotReadWhatIsSkipped) {
  write_file(scratch_ / "image", "\x89PNG\r\n\x1a\n...");
  write_file(scratch_ / "text", "plain");
  write_file(scratch_ / "large", std::string(5'000, 'x'));
  auto skipper = policy::Skipper::make(
      {.conditions = {"match_filetype(IMAGE:BITMAP)", "size_exceeds(4999) match_regex(/large$)"}});
  ASSERT_TRUE(skipper);
  worker_.skip(*std::move(skipper));
  worker_.perform(listing());
  std::uint64_t bytes = 0;
  for (const Reply& reply : replies_) {
    bytes += reply.answer.bytes_read;
    for (const FileFacts& facts : reply.answer.facts) {
      EXPECT_EQ(facts.failed_stage, Stage::None);
      EXPECT_EQ(static_cast<bool>(facts.digest), facts.name == "text") << facts.name;
    }
  }
  EXPECT_EQ(bytes, 5U);
}

TEST_F(WorkerTest, RemarksOnLinksThatLeadNowhereIfToldTo) {
  write_file(scratch_ / "f", "1");
  ASSERT_EQ(symlink("f", (scratch_ / "good").c_str()), 0);
  ASSERT_EQ(symlink("../nothing", (scratch_ / "bad").c_str()), 0);
  ASSERT_EQ(symlink("loop", (scratch_ / "loop").c_str()), 0);
  Request request = listing();
  request.order.attributes.add(Attribute::Link);
  worker_.perform(request);
  EXPECT_TRUE(remarks_.empty());
  worker_.follow_symlinks();
  worker_.perform(request);
  ASSERT_EQ(remarks_.size(), 2U);
  std::ranges::sort(remarks_, {}, &Remark::name);
  EXPECT_EQ(remarks_[0].kind, Remark::Kind::Dangling);
  EXPECT_EQ(remarks_[0].name, "bad");
  EXPECT_EQ(remarks_[0].target, "../nothing");
  EXPECT_EQ(remarks_[1].name, "loop");
}

TEST_F(WorkerTest, RemarksOnWhatIsSlowToBeOpened) {
  write_file(scratch_ / "f", std::string(300'000, 'x'));
  make_directory(scratch_ / "d");
  worker_.perform(listing());
  EXPECT_TRUE(remarks_.empty());
  std::vector<Remark> remarks;
  Worker impatient({.send =
                        [&](std::uint16_t kind, ByteView payload) {
                          if (kind == kRemark) remarks.push_back(decode_remark(payload)->remark);
                        },
                    .flush = [] {}},
                   {.opening = std::chrono::milliseconds(0)});
  impatient.perform(listing());
  ASSERT_EQ(remarks.size(), 2U);  // once each, although one is read besides
  EXPECT_EQ(remarks[0].kind, Remark::Kind::Slow);
}

TEST(RequestsTest, RemarksComeThroughWholeOrNotAtAll) {
  const Bytes good = encode_remark(7, {.kind = Remark::Kind::Slow, .name = "a", .seconds = 9});
  const auto got = decode_remark(good);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->number, 7U);
  EXPECT_EQ(got->remark.name, "a");
  EXPECT_EQ(got->remark.seconds, 9U);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_remark(ByteView{good}.first(size))) << size;
  }
  Bytes unknown = good;
  unknown[4] = 3;
  EXPECT_FALSE(decode_remark(unknown));
  EXPECT_FALSE(decode_remark(encode_remark(7, {.name = "a/b"})));
}

TEST(RequestsTest, AMeasurerIsToldWhatIsSkipped) {
  const scan::SetUp set_up{
      .deadline = std::chrono::seconds(7),
      .drops_cache = true,
      .skip = {.conditions = {"a", "b"}, .types = {"c"}, .ignore_modified = {"/d"}},
      .follows_symlinks = true};
  const auto got = decode_set_up(encode_set_up(set_up));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->deadline, set_up.deadline);
  EXPECT_EQ(got->skip, set_up.skip);
  EXPECT_TRUE(got->drops_cache && got->follows_symlinks);
  Bytes cut = encode_set_up(set_up);
  cut.pop_back();
  EXPECT_FALSE(decode_set_up(cut));
  EXPECT_FALSE(decode_set_up(encode_set_up({.deadline = std::chrono::seconds(0), .skip = {}})));
}

}  // namespace
}  // namespace samhain::scan
