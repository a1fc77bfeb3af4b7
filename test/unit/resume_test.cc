#include "scan/resume.h"

#include <gtest/gtest.h>

#include <string>

namespace samhain::scan {
namespace {

constexpr std::int64_t kNow = 1'795'378'757'000'000'000;
constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000'000;
constexpr Digest kIdentity = {1, 2, 3};

Report some_report(const std::string& path) {
  Report report;
  report.event_class = EventClass::Event;
  report.fields = {{"msg", "POLICY ADDED"}, {"path", path}};
  return report;
}

class ResumeTest : public ::testing::Test {
 protected:
  Resume resume_;
  bool is_whole_ = true;
  Subtrees subtrees_{resume_, [this](const std::string&) { return is_whole_; }};

  void SetUp() override { resume_.begin(kIdentity, kNow); }
};

TEST_F(ResumeTest, ADirectoryIsDoneWhenAllBelowItIs) {
  subtrees_.open("/a", "");
  subtrees_.count("/a");
  subtrees_.open("/a/b", "/a");
  subtrees_.open("/a/c", "/a");
  subtrees_.close("/a");
  subtrees_.count("/a/b");
  subtrees_.close("/a/b");
  ASSERT_NE(resume_.find_done("/a/b"), nullptr);
  EXPECT_EQ(resume_.find_done("/a"), nullptr);
  subtrees_.close("/a/c");
  ASSERT_NE(resume_.find_done("/a"), nullptr);
  EXPECT_EQ(*resume_.find_done("/a"), 2U);
  EXPECT_EQ(resume_.directories(), 1U) << "those below are part of it";
}

TEST_F(ResumeTest, OneThatFailedOrIsHeldOrIsNotWholeIsNotDoneNorIsOneAboveIt) {
  subtrees_.open("/a", "");
  subtrees_.open("/a/b", "/a");
  subtrees_.fail("/a/b");
  subtrees_.close("/a/b");
  subtrees_.close("/a");
  EXPECT_EQ(resume_.directories(), 0U);
  subtrees_.open("/c", "");
  subtrees_.hold("/c");
  subtrees_.close("/c");
  EXPECT_EQ(resume_.directories(), 0U);
  subtrees_.release("/c");
  EXPECT_EQ(resume_.directories(), 1U);
  is_whole_ = false;
  subtrees_.open("/d", "");
  subtrees_.close("/d");
  EXPECT_EQ(resume_.find_done("/d"), nullptr);
}

TEST_F(ResumeTest, NeighboursWithTheSameBeginningAreNotBelow) {
  resume_.add_done("/a-b", 1);
  resume_.add_done("/ab", 1);
  resume_.add_done("/a/b", 1);
  resume_.add_done("/a", 2);
  EXPECT_NE(resume_.find_done("/a-b"), nullptr);
  EXPECT_NE(resume_.find_done("/ab"), nullptr);
  EXPECT_EQ(resume_.find_done("/a/b"), nullptr);
  EXPECT_EQ(resume_.files(), 4U);
  resume_.add_done("/", 5);
  EXPECT_EQ(resume_.directories(), 1U);
}

TEST_F(ResumeTest, IsBounded) {
  for (std::size_t i = 0; i < Resume::kMaxDirectories + 10; ++i) {
    resume_.add_done("/" + std::to_string(i), 1);
  }
  EXPECT_EQ(resume_.directories(), Resume::kMaxDirectories);
  for (std::size_t i = 0; i < Resume::kMaxTold + 10; ++i) {
    EXPECT_TRUE(resume_.is_news(some_report(std::to_string(i))));
  }
  EXPECT_LT(resume_.encode().size(), Resume::kMaxSize);
  resume_.begin(kIdentity, kNow);
  for (int i = 0; i < 1'000; ++i) {
    resume_.add_done("/" + std::to_string(i) + std::string(2'000, 'x'), 1);
  }
  EXPECT_LT(resume_.encode().size(), Resume::kMaxPathBytes + 100'000);
}

TEST_F(ResumeTest, ASuccessorKnowsWhatIsDoneAndTellsNothingASecondTime) {
  resume_.add_done("/a", 7);
  EXPECT_TRUE(resume_.is_news(some_report("/a/x")));
  EXPECT_TRUE(resume_.is_dirty());
  const Bytes bytes = resume_.encode();
  EXPECT_FALSE(resume_.is_dirty());
  auto next = Resume::decode(bytes, kIdentity, kNow + 1);
  ASSERT_TRUE(next) << next.error().text();
  ASSERT_NE(next->find_done("/a"), nullptr);
  next->end();  // the check that passed over /a did not meet it
  next->begin(kIdentity, kNow + 2);
  EXPECT_FALSE(next->is_news(some_report("/a/x")));
  EXPECT_TRUE(next->is_news(some_report("/a/x"))) << "it changed back and again meanwhile";
  EXPECT_TRUE(next->is_news(some_report("/a/y")));
}

TEST_F(ResumeTest, AWholeCheckForgetsWhatItsPredecessorTold) {
  EXPECT_TRUE(resume_.is_news(some_report("/a/x")));
  auto next = Resume::decode(resume_.encode(), kIdentity, kNow + 1);
  ASSERT_TRUE(next);
  next->end();
  next->begin(kIdentity, kNow + 2);
  next->end();
  next->begin(kIdentity, kNow + 3);
  EXPECT_TRUE(next->is_news(some_report("/a/x")));
}

TEST_F(ResumeTest, RefusesAnotherIdentityAnotherDayAndAnyDamage) {
  resume_.add_done("/a", 7);
  const Bytes bytes = resume_.encode();
  EXPECT_FALSE(Resume::decode(bytes, Digest{}, kNow));
  EXPECT_FALSE(Resume::decode(bytes, kIdentity, kNow + kDay + 1));
  EXPECT_FALSE(Resume::decode(bytes, kIdentity, kNow - 1));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] = static_cast<std::uint8_t>(changed[i] ^ 1U);
    EXPECT_FALSE(Resume::decode(changed, kIdentity, kNow)) << i;
    EXPECT_FALSE(Resume::decode(ByteView(bytes).first(i), kIdentity, kNow)) << i;
  }
}

}  // namespace
}  // namespace samhain::scan
