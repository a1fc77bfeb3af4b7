// A full spool: who goes first, and that it is counted.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "spool_support.h"

namespace samhain::spool {
namespace {

constexpr std::uint64_t kLimit = 10'000;
constexpr std::uint64_t kSegment = 1'000;

class SpoolFullTest : public SpoolTest {
 protected:
  void SetUp() override { open(kLimit, kSegment); }
  std::uint64_t bytes_on_disk() const {
    std::uint64_t sum = 0;
    for (const std::string& name : segments()) {
      sum += std::filesystem::file_size(directory() + "/" + name);
    }
    return sum;
  }
  std::size_t kept() {
    const auto all = held();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& e) { return !e.second.empty(); }));
  }
};

TEST_F(SpoolFullTest, DropsTheOldestFirstAndCountsThem) {
  const std::string body(83, 'x');  // a hundred bytes a record
  for (int i = 0; i < 150; ++i) append(body);
  ASSERT_TRUE(spool->flush());
  EXPECT_LE(bytes_on_disk(), kLimit);
  const std::uint64_t lost = spool->take_loss().count;
  EXPECT_EQ(kept() + lost, 150U);
  EXPECT_GE(kept(), 90U) << "not much more than needed";
  EXPECT_EQ(spool->first(), lost + 1) << "the oldest went";
  EXPECT_EQ(spool->take_loss().count, 0U);
}

TEST_F(SpoolFullTest, DropsTheLowestSeverityFirst) {
  const std::string body(83, 'x');
  std::set<std::uint64_t> important;
  for (int i = 0; i < 90; ++i) {
    const bool is_important = i % 3 == 0;
    const std::uint64_t seq = append(body, is_important ? Severity::Alert : Severity::Info);
    if (is_important) important.insert(seq);
  }
  for (int i = 0; i < 60; ++i) append(body, Severity::Crit);
  ASSERT_TRUE(spool->flush());
  const auto all = held(1);
  for (const std::uint64_t seq : important) EXPECT_FALSE(all.at(seq).empty()) << seq;
  for (std::uint64_t seq = 91; seq <= 150; ++seq) EXPECT_FALSE(all.at(seq).empty()) << seq;
  EXPECT_EQ(kept() + spool->take_loss().count, 150U);
}

TEST_F(SpoolFullTest, DropsTheNewReportIfAllOthersMatterMore) {
  const std::string body(83, 'x');
  for (int i = 0; i < 100; ++i) append(body, Severity::Crit);
  EXPECT_EQ(append(body, Severity::Debug), 101U);
  EXPECT_EQ(spool->take_loss().count, 1U);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(kept(), 100U);
  EXPECT_EQ(held(101).at(101), "");
  EXPECT_EQ(append(body, Severity::Crit), 102U);
}

TEST_F(SpoolFullTest, MakesRoomFromAcknowledgedOnesWithoutALoss) {
  open(kLimit, kLimit * 2);  // all in one segment
  const std::string body(83, 'x');
  for (int i = 0; i < 100; ++i) append(body);
  ASSERT_TRUE(spool->flush());
  ASSERT_TRUE(spool->drop_through(50));
  for (int i = 0; i < 50; ++i) append(body);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(spool->take_loss().count, 0U);
  EXPECT_EQ(kept(), 100U);
}

TEST_F(SpoolFullTest, KeepsNumbersOverARestart) {
  const std::string body(83, 'x');
  for (int i = 0; i < 500; ++i) append(body, i % 2 == 0 ? Severity::Info : Severity::Crit);
  ASSERT_TRUE(spool->flush());
  const auto before = held();
  open(kLimit, kSegment);
  EXPECT_EQ(held(), before);
  EXPECT_EQ(spool->next(), 501U);
  EXPECT_EQ(spool->damaged(), "");
}

TEST_F(SpoolFullTest, RefusesAReportThatCouldNeverFit) {
  const auto seq = spool->append(Severity::Alert, Bytes(kLimit));
  ASSERT_FALSE(seq);
  EXPECT_EQ(seq.error().kind, Error::Kind::Limit);
  EXPECT_EQ(spool->take_loss().count, 0U);
}

TEST_F(SpoolFullTest, CountsNothingAsLostThatItCouldNotDrop) {
  const std::string body(83, 'x');
  for (int i = 0; i < 100; ++i) append(body, i % 2 == 0 ? Severity::Info : Severity::Crit);
  ASSERT_TRUE(spool->flush());
  // In the way of each segment's new version: as bad as a full disk.
  for (const std::string& name : segments()) {
    ASSERT_TRUE(std::filesystem::create_directory(directory() + "/" + name + ".new"));
  }
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(spool->append(Severity::Crit, as_bytes(body)));
  EXPECT_EQ(spool->take_loss().count, 0U);
  EXPECT_EQ(kept(), 100U);
}

/// Whatever happens in whatever order: a number comes back with its own body or empty, in order,
/// and what is missing was counted.
TEST_F(SpoolFullTest, KeepsItsPromisesInAnyOrder) {
  std::mt19937 random{5};
  std::uint64_t appended = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto dice = random() % 100;
    if (dice < 80) {
      const std::string body =
          "report " + std::to_string(appended + 1) + std::string(random() % 200, '.');
      appended = append(body, static_cast<Severity>(1 + random() % 8));
    } else if (dice < 90) {
      ASSERT_TRUE(spool->flush());
    } else if (dice < 97 && appended > acknowledged) {
      acknowledged += random() % std::min<std::uint64_t>(appended - acknowledged, 8);
      ASSERT_TRUE(spool->drop_through(acknowledged));
    } else if (dice == 99) {
      ASSERT_TRUE(spool->flush());
      open(kLimit, kSegment);
      // A last report that was dropped at once for its severity leaves no trace.
      appended = spool->next() - 1;
      ASSERT_TRUE(spool->drop_through(std::min(acknowledged, appended)));
    }
    if (dice % 10 == 0) {
      std::uint64_t expected = std::max(spool->first(), acknowledged + 1);
      for (const auto& [seq, body] : held(acknowledged + 1)) {
        ASSERT_EQ(seq, expected++);
        ASSERT_TRUE(body.empty() || body.starts_with("report " + std::to_string(seq))) << body;
      }
    }
    ASSERT_LE(bytes_on_disk(), kLimit);
    lost += spool->take_loss().count;
  }
  EXPECT_GT(lost, 0U);
}

}  // namespace
}  // namespace samhain::spool
