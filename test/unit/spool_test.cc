#include "spool/spool.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <string>

#include "spool_support.h"

namespace samhain::spool {
namespace {

using Held = std::map<std::uint64_t, std::string>;

TEST_F(SpoolTest, NumbersFromOneWithoutAGap) {
  open();
  EXPECT_TRUE(spool->is_empty());
  EXPECT_EQ(append("a"), 1U);
  EXPECT_EQ(append("b"), 2U);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(held(), (Held{{1, "a"}, {2, "b"}}));
  EXPECT_EQ(spool->first(), 1U);
  EXPECT_EQ(spool->next(), 3U);
}

TEST_F(SpoolTest, GivesOutOnlyWhatIsDurable) {
  open();
  append("a");
  EXPECT_TRUE(held().empty());
  ASSERT_TRUE(spool->flush());
  append("b");
  EXPECT_EQ(held(), (Held{{1, "a"}}));
}

TEST_F(SpoolTest, StopsAfterTheReportThatWasTheLastWanted) {
  open();
  for (int i = 0; i < 5; ++i) append(std::to_string(i));
  ASSERT_TRUE(spool->flush());
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(spool->read(2, [&](std::uint64_t seq, ByteView) {
    seen.push_back(seq);
    return seq < 3;
  }));
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(held(3), (Held{{3, "2"}, {4, "3"}, {5, "4"}})) << "the same number again";
  EXPECT_EQ(held(5), (Held{{5, "4"}}));
  EXPECT_EQ(held(1).size(), 5U) << "and back to the start";
}

TEST_F(SpoolTest, KeepsReportsAndNumbersOverARestart) {
  open();
  const auto id = spool->id();
  append("a");
  append("b");
  ASSERT_TRUE(spool->flush());
  open();
  EXPECT_EQ(spool->id(), id);
  EXPECT_EQ(held(), (Held{{1, "a"}, {2, "b"}}));
  EXPECT_EQ(append("c"), 3U);
}

TEST_F(SpoolTest, NeverGivesANumberTwiceEvenWhenAllWasAcknowledged) {
  open(1U << 24, 1U << 20);
  const std::string body(1'000, 'x');
  for (int i = 0; i < 100; ++i) append(body);
  ASSERT_TRUE(spool->flush());
  ASSERT_TRUE(spool->drop_through(100));
  EXPECT_TRUE(spool->is_empty());
  EXPECT_EQ(segments(), std::vector<std::string>{segment_name(101)});
  EXPECT_EQ(content_of(last_segment()), "");
  open();
  EXPECT_EQ(spool->next(), 101U);
  EXPECT_TRUE(spool->is_empty());
}

TEST_F(SpoolTest, ForgetsWholeSegmentsOnly) {
  open(1U << 20, 100);
  for (int i = 1; i <= 9; ++i) append(std::string(30, 'x'));  // two records a segment
  ASSERT_TRUE(spool->flush());
  ASSERT_EQ(segments().size(), 5U);
  ASSERT_TRUE(spool->drop_through(3));
  EXPECT_EQ(segments().front(), segment_name(3));
  EXPECT_EQ(spool->first(), 4U);
  EXPECT_EQ(held().begin()->first, 4U);
  ASSERT_TRUE(spool->drop_through(8));
  EXPECT_EQ(segments(), std::vector<std::string>{segment_name(9)});
}

TEST_F(SpoolTest, TakesOverNumbersThatOnlyTheServerStillKnows) {
  open();
  append("a");
  ASSERT_TRUE(spool->drop_through(7));
  EXPECT_EQ(spool->next(), 8U);
  EXPECT_TRUE(spool->is_empty());
  open();
  EXPECT_EQ(append("b"), 8U);
}

TEST_F(SpoolTest, RefusesAnAcknowledgementBeyondReason) {
  open();
  EXPECT_FALSE(spool->drop_through(UINT64_MAX));
  EXPECT_EQ(append("a"), 1U);
}

TEST_F(SpoolTest, LetsTheReaderAppendAndDropMeanwhile) {
  open(1U << 20, 100);
  for (int i = 1; i <= 8; ++i) append(std::string(30, static_cast<char>('a' + i)));
  ASSERT_TRUE(spool->flush());
  std::uint64_t expected = 1;
  ASSERT_TRUE(spool->read(1, [&](std::uint64_t seq, ByteView body) {
    EXPECT_EQ(seq, expected++);
    EXPECT_EQ(body.size(), 30U);
    EXPECT_TRUE(spool->drop_through(seq));
    if (seq < 4) append(std::string(30, 'z'));
    return true;
  }));
  EXPECT_GE(expected, 9U);
}

TEST_F(SpoolTest, RefusesASecondProcess) {
  open();
  const auto second = Spool::open({directory()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::Busy);
  spool.reset();
  EXPECT_TRUE(Spool::open({directory()}));
}

TEST_F(SpoolTest, RefusesADirectoryThatOthersMayWrite) {
  open();
  spool.reset();
  ASSERT_EQ(chmod(directory().c_str(), 0770), 0);
  const auto opened = Spool::open({directory()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, Error::Kind::Refused);
}

TEST_F(SpoolTest, RefusesAnIdThatIsNoId) {
  open();
  spool.reset();
  for (const std::size_t size : {std::size_t{0}, std::size_t{15}, std::size_t{17}}) {
    std::ofstream{directory() + "/id"} << std::string(size, 'x');
    const auto opened = Spool::open({directory()});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, Error::Kind::Malformed);
  }
}

TEST_F(SpoolTest, SaysThatItCannotMakeTheDirectory) {
  const auto opened = Spool::open({directory() + "/a/b"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().sys_errno, ENOENT);
}

TEST_F(SpoolTest, HoldsTheLongestReportAndNoLongerOne) {
  open(8U << 20, 1U << 20);
  const std::string longest(1'000'000, 'x');
  append("short");
  append(longest);
  append("short");
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(held(), (Held{{1, "short"}, {2, longest}, {3, "short"}}));
  const auto longer = spool->append(Severity::Crit, as_bytes(longest + "x"));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().kind, Error::Kind::Limit);
  EXPECT_EQ(spool->next(), 4U);
}

}  // namespace
}  // namespace samhain::spool
