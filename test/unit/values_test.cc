#include "config/values.h"

#include <gtest/gtest.h>
#include <limits.h>

#include <cstdint>

namespace samhain::config {
namespace {

TEST(ValuesTest, TakesABooleanByItsFirstLetter) {
  for (const char* yes : {"1", "yes", "Y", "true", "T"}) {
    const auto value = parse_bool(yes);
    ASSERT_TRUE(value) << yes;
    EXPECT_TRUE(*value) << yes;
  }
  for (const char* no : {"0", "no", "N", "false", "F"}) {
    const auto value = parse_bool(no);
    ASSERT_TRUE(value) << no;
    EXPECT_FALSE(*value) << no;
  }
  EXPECT_FALSE(parse_bool("on"));
  EXPECT_FALSE(parse_bool(""));
}

TEST(ValuesTest, TakesANumberWithinItsLimits) {
  EXPECT_EQ(*parse_number<int>("-20", -20, 19, ""), -20);
  EXPECT_EQ(*parse_number<int>("19", -20, 19, ""), 19);
  EXPECT_FALSE(parse_number<int>("20", -20, 19, ""));
  EXPECT_FALSE(parse_number<int>("5x", -20, 19, ""));
  EXPECT_FALSE(parse_number<int>("", -20, 19, ""));
  EXPECT_FALSE(parse_number<std::uint16_t>("65536", 1, 65535, ""));
  EXPECT_FALSE(parse_number<std::uint16_t>("-1", 1, 65535, ""));
}

TEST(ValuesTest, SaysWhatNumberWouldBeRight) {
  const auto far = parse_number<int>("200", 0, 99, "seconds");
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().what, "number out of range; give a whole number of seconds from 0 to 99");
  const auto none = parse_number<int>("often", 0, 99, "");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().what, "not a number; give a whole number from 0 to 99");
}

TEST(ValuesTest, TakesAbsolutePathsOnly) {
  EXPECT_EQ(*parse_path("/var/log/x"), "/var/log/x");
  EXPECT_FALSE(parse_path("var/log/x"));
  EXPECT_FALSE(parse_path(""));
  EXPECT_TRUE(parse_path("/" + std::string(PATH_MAX - 2, 'a')));
  EXPECT_FALSE(parse_path("/" + std::string(PATH_MAX - 1, 'a')));
}

TEST(ValuesTest, TakesAListApart) {
  EXPECT_EQ(*parse_list("a, b\tc,,d"), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_FALSE(parse_list(" , "));
}

}  // namespace
}  // namespace samhain::config
