#include "tools/waiting_baselines.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "scratch.h"
#include "sys/file.h"

namespace samhain::tools {
namespace {

using samhain::testing::Scratch;
using samhain::testing::write_file;

class ApprovalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::create_directory(pending()));
    write_file(waiting(), "first");
  }
  std::string pending() const { return scratch_ / "pending"; }
  std::string waiting() const { return pending() + "/file.host"; }
  std::string approved() const { return scratch_ / "file.host"; }
  /// As the server does it: a whole new file in the old one's place.
  void upload(const std::string& content) const {
    write_file(pending() + "/.upload-new", content);
    std::filesystem::rename(pending() + "/.upload-new", waiting());
  }
  static std::string content(const std::string& path) {
    const auto bytes = sys::read_file(path, 100);
    return bytes ? std::string{as_text(*bytes)} : "none";
  }
  std::size_t count_in_pending() const {
    const std::filesystem::directory_iterator begin(pending());
    return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator()));
  }

  Scratch scratch_;
};

TEST_F(ApprovalTest, WhatWasApprovedDoesNotWaitAnyMore) {
  auto approval = Approval::begin(scratch_.path(), pending(), "host");
  ASSERT_TRUE(approval);
  ASSERT_TRUE(approval->commit(std::nullopt));
  const auto rest = approval->settle_waiting();
  ASSERT_TRUE(rest) << rest.error().text();
  EXPECT_EQ(*rest, Approval::Rest::Nothing);
  EXPECT_EQ(content(approved()), "first");
  EXPECT_EQ(count_in_pending(), 0U);
}

TEST_F(ApprovalTest, WhatCameMeanwhileGoesOnWaiting) {
  auto approval = Approval::begin(scratch_.path(), pending(), "host");
  ASSERT_TRUE(approval);
  upload("second");
  ASSERT_TRUE(approval->commit(std::nullopt));
  const auto rest = approval->settle_waiting();
  ASSERT_TRUE(rest) << rest.error().text();
  EXPECT_EQ(*rest, Approval::Rest::NewerWaits);
  EXPECT_EQ(content(approved()), "first");
  EXPECT_EQ(content(waiting()), "second");
  EXPECT_EQ(count_in_pending(), 1U);
}

TEST_F(ApprovalTest, OneThatWasRejectedMeanwhileIsNoError) {
  auto approval = Approval::begin(scratch_.path(), pending(), "host");
  ASSERT_TRUE(approval);
  ASSERT_TRUE(remove_waiting(pending(), "host"));
  ASSERT_TRUE(approval->commit(std::nullopt));
  const auto rest = approval->settle_waiting();
  ASSERT_TRUE(rest) << rest.error().text();
  EXPECT_EQ(*rest, Approval::Rest::Nothing);
}

TEST_F(ApprovalTest, WhatIsInItsPlaceIsApprovedWhateverBecomesOfTheRest) {
  auto approval = Approval::begin(scratch_.path(), pending(), "host");
  ASSERT_TRUE(approval);
  EXPECT_FALSE(approval->is_approved());
  std::filesystem::rename(pending(), scratch_ / "elsewhere");
  write_file(pending(), "no directory");
  ASSERT_TRUE(approval->commit(std::nullopt));
  EXPECT_TRUE(approval->is_approved());
  EXPECT_FALSE(approval->settle_waiting());
  EXPECT_EQ(content(approved()), "first");
}

TEST_F(ApprovalTest, NothingChangesWithoutTheCommit) {
  { ASSERT_TRUE(Approval::begin(scratch_.path(), pending(), "host")); }
  EXPECT_EQ(content(approved()), "none");
  EXPECT_EQ(content(waiting()), "first");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch_.path()), {}), 1);
}

TEST_F(ApprovalTest, AProposalTakesThePlaceOfWhatWaitsOnceItIsWhole) {
  {
    auto dropped = Proposal::begin(pending(), "host");
    ASSERT_TRUE(dropped);
    ASSERT_TRUE(sys::write_all(dropped->fd(), as_bytes(std::string_view{"half"})));
  }
  EXPECT_EQ(content(waiting()), "first");
  EXPECT_EQ(count_in_pending(), 1U);
  auto proposal = Proposal::begin(pending(), "host");
  ASSERT_TRUE(proposal);
  ASSERT_TRUE(sys::write_all(proposal->fd(), as_bytes(std::string_view{"merged"})));
  ASSERT_TRUE(proposal->submit());
  EXPECT_EQ(content(waiting()), "merged");
  EXPECT_EQ(count_in_pending(), 1U);
}

}  // namespace
}  // namespace samhain::tools
