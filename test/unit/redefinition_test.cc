#include "policy/redefinition.h"

#include <gtest/gtest.h>

namespace samhain::policy {
namespace {

AttributeSet of(std::string_view words) {
  const auto mask = redefine(AttributeSet{}, words);
  EXPECT_TRUE(mask) << words;
  return mask ? *mask : AttributeSet{};
}
std::string redefined(Name name, std::string_view value) {
  const auto mask = redefine(attributes_of(name), value);
  return mask ? words_of(*mask) : "error: " + mask.error().what;
}

TEST(RedefinitionTest, AddsAndTakesAwayFromLeftToRight) {
  EXPECT_EQ(redefined(Name::Attributes, "+CHK,-RDEV"), "CHK USR GRP MOD");
  EXPECT_EQ(redefined(Name::Attributes, "+CHK \t, -CHK"), "USR GRP MOD RDEV");
  EXPECT_EQ(redefined(Name::IgnoreAll, "+ATM -MTM"), "ATM");
}

TEST(RedefinitionTest, ABareWordReplacesWhatWasBeforeIt) {
  EXPECT_EQ(redefined(Name::ReadOnly, "CHK"), "CHK");
  EXPECT_EQ(redefined(Name::ReadOnly, "+ATM CHK +SIZ"), "CHK SIZ");
}

TEST(RedefinitionTest, KnowsTheWordsThatTheOriginalLacks) {
  const AttributeSet set = of("+FLAGS +ACL +CAP +SELINUX +XATTR +BTM +PRE +AUDIT");
  EXPECT_EQ(words_of(set), "PRE AUDIT FLAGS ACL CAP SELINUX XATTR BTM");
  EXPECT_EQ(set.bits(), 0x3F'A000U);
}

TEST(RedefinitionTest, ContentComesAndGoesWithItsChecksum) {
  EXPECT_EQ(redefined(Name::Attributes, "+TXT"), "CHK USR GRP MOD RDEV TXT");
  EXPECT_EQ(redefined(Name::Attributes, "+TXT -TXT"), "USR GRP MOD RDEV");
  EXPECT_EQ(redefined(Name::ReadOnly, "CHK TXT"), "CHK TXT");
}

TEST(RedefinitionTest, NamesTheWrongWordAndGivesNothing) {
  for (const char* value : {"+CHK +XYZ", "+chk", "~CHK", "+", "+ CHK", "CHKLNK", ", ,"}) {
    const auto mask = redefine(AttributeSet{}, value);
    ASSERT_FALSE(mask) << value;
    EXPECT_NE(mask.error().what.find("; give "), std::string::npos);
  }
  EXPECT_TRUE(redefine(AttributeSet{}, "+CHK -XYZ").error().what.starts_with("-XYZ is no"));
}

TEST(RedefinitionTest, MasksBeginAsThePoliciesAre) {
  Masks masks;
  for (const Name name : kNames) EXPECT_EQ(masks.of(name), attributes_of(name));
  masks.set(Name::Prelink, of("CHK"));
  EXPECT_EQ(words_of(masks.of(Name::Prelink)), "CHK");
  EXPECT_EQ(masks.of(Name::User4), attributes_of(Name::User4));
}

}  // namespace
}  // namespace samhain::policy
