// What a kill, a full disk or a bad disk leaves of a spool.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <map>
#include <string>

#include "spool_support.h"

namespace samhain::spool {
namespace {

using Held = std::map<std::uint64_t, std::string>;

class SpoolKillTest : public SpoolTest {
 protected:
  void write_segment(const std::string& content) const {
    std::ofstream{last_segment(), std::ios::binary | std::ios::trunc} << content;
  }
};

TEST_F(SpoolKillTest, OpensAfterATruncationAtEveryByteOfTheTail) {
  open();
  append("first");
  append("second");
  ASSERT_TRUE(spool->flush());
  const std::size_t flushed = content_of(last_segment()).size();
  append("third");
  spool.reset();
  const std::string whole = content_of(last_segment());
  for (std::size_t size = flushed; size < whole.size(); ++size) {
    write_segment(whole.substr(0, size));
    open();
    EXPECT_EQ(held(), (Held{{1, "first"}, {2, "second"}})) << size;
    EXPECT_EQ(spool->damaged(), "");
    EXPECT_EQ(append("again"), 3U);
    ASSERT_TRUE(spool->flush());
    EXPECT_EQ(held(3), (Held{{3, "again"}}));
    spool.reset();
  }
}

TEST_F(SpoolKillTest, CutsOffGarbageThatAPowerCutLeft) {
  for (const std::string& garbage :
       {std::string(5'000, '\0'), std::string(5'000, '\xff'), std::string("x")}) {
    open();
    const std::uint64_t seq = append("good");
    ASSERT_TRUE(spool->flush());
    spool.reset();
    const std::string good = content_of(last_segment());
    write_segment(good + garbage);
    open();
    EXPECT_EQ(content_of(last_segment()), good);
    EXPECT_EQ(held(seq), (Held{{seq, "good"}}));
    EXPECT_EQ(spool->next(), seq + 1);
  }
}

TEST_F(SpoolKillTest, SetsADamagedSegmentAsideAndKeepsItsGoodReports) {
  open();
  for (const char* body : {"one", "two", "three"}) append(body);
  ASSERT_TRUE(spool->flush());
  spool.reset();
  std::string content = content_of(last_segment());
  content[content.find("two")] ^= 1;
  write_segment(content);

  open();
  const std::string name = segment_name(1) + ".damaged";
  EXPECT_EQ(spool->damaged(), name);
  EXPECT_EQ(content_of(directory() + "/" + name), content);
  EXPECT_EQ(held(), (Held{{1, "one"}, {2, ""}, {3, "three"}})) << "the lost one comes empty";
  EXPECT_EQ(append("four"), 4U);
  open();
  EXPECT_EQ(spool->damaged(), "");
}

TEST_F(SpoolKillTest, DoesNotTakeDamageInAnOlderSegmentForATornTail) {
  open(1U << 20, 60);
  for (const char* body : {"one", "two", "three", "four", "five", "six"}) append(body);
  ASSERT_TRUE(spool->flush());
  spool.reset();
  const std::string oldest = directory() + "/" + segments().front();
  std::filesystem::resize_file(oldest, content_of(oldest).size() - 1);
  open();
  EXPECT_EQ(spool->damaged(), segment_name(1) + ".damaged");
  const auto all = held();
  EXPECT_EQ(all.size(), 6U);
  EXPECT_EQ(all.at(1), "one");
  EXPECT_EQ(all.at(6), "six");
}

TEST_F(SpoolKillTest, GivesUpWhatCannotBeReadAnyMore) {
  open();
  for (const char* body : {"one", "two", "three"}) append(body);
  ASSERT_TRUE(spool->flush());
  std::string content = content_of(last_segment());
  content[content.find("two")] ^= 1;
  write_segment(content);  // the same file, under the open spool
  EXPECT_EQ(held(), (Held{{1, "one"}, {2, ""}, {3, ""}}));
  EXPECT_EQ(spool->take_loss().count, 2U);
  EXPECT_EQ(spool->damaged(), segment_name(1));
  EXPECT_EQ(append("four"), 4U);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(held(4), (Held{{4, "four"}}));
}

TEST_F(SpoolKillTest, RemovesAnUnfinishedRewrite) {
  open();
  append("a");
  ASSERT_TRUE(spool->flush());
  spool.reset();
  const std::string unfinished = last_segment() + ".new";
  std::ofstream{unfinished} << "half";
  open();
  EXPECT_FALSE(std::filesystem::exists(unfinished));
  EXPECT_EQ(held(), (Held{{1, "a"}}));
}

TEST_F(SpoolKillTest, AppendsNothingToAFullDisk) {
  open();
  append("a");
  ASSERT_TRUE(spool->flush());
  const std::string before = content_of(last_segment());
  signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  getrlimit(RLIMIT_FSIZE, &usual);
  const rlimit full{before.size() + 10, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto seq = spool->append(Severity::Crit, as_bytes("does not fit"));
  EXPECT_EQ(content_of(last_segment()), before);
  setrlimit(RLIMIT_FSIZE, &usual);

  ASSERT_FALSE(seq);
  EXPECT_EQ(seq.error().kind, Error::Kind::System);
  EXPECT_EQ(spool->next(), 2U);
  EXPECT_EQ(append("fits"), 2U);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(held(), (Held{{1, "a"}, {2, "fits"}}));
}

}  // namespace
}  // namespace samhain::spool
