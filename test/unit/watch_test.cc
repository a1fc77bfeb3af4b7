#include <gtest/gtest.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "policy/policy.h"

namespace samhain::policy {
namespace {

std::string path_of(std::string_view value, bool is_directory = false) {
  const auto watch = parse_watch(Name::ReadOnly, is_directory, value);
  return watch ? watch->path : "error: " + watch.error().what;
}
std::optional<int> depth_of(std::string_view value) {
  const auto watch = parse_watch(Name::IgnoreAll, true, value);
  EXPECT_TRUE(watch) << value;
  return watch ? watch->depth : std::nullopt;
}
bool fails(std::string_view value, bool is_directory, Name policy = Name::ReadOnly) {
  const auto watch = parse_watch(policy, is_directory, value);
  // Each says what would be right, too.
  return !watch && watch.error().what.find("; ") != std::string::npos;
}

TEST(WatchTest, TakesTheDepthOffADirectory) {
  EXPECT_EQ(depth_of("/etc"), std::nullopt);
  EXPECT_EQ(depth_of("0/etc"), 0);
  EXPECT_EQ(depth_of("99/etc"), 99);
  EXPECT_EQ(depth_of(" 3 /etc"), 3);
  EXPECT_EQ(depth_of("-1/etc"), -1);
  EXPECT_EQ(path_of("3/etc", true), "/etc");
}

TEST(WatchTest, RefusesOtherDepths) {
  EXPECT_TRUE(fails("100/etc", true));
  EXPECT_TRUE(fails("-2/etc", true, Name::IgnoreAll));
  EXPECT_TRUE(fails("-1/etc", true));
  EXPECT_TRUE(fails("1-/etc", true));
  EXPECT_TRUE(fails("99999999999/etc", true));
  EXPECT_TRUE(fails("3/etc", false));
  EXPECT_TRUE(fails("3", true));
}

TEST(WatchTest, TakesQuotesOffOnlyInPairs) {
  EXPECT_EQ(path_of("\"/a b\""), "/a b");
  EXPECT_EQ(path_of("'/a \"b\" '"), "/a \"b\" ");
  EXPECT_EQ(path_of("/a\"b\""), "/a\"b\"");
  EXPECT_EQ(path_of("\"3/a b\"", true), "/a b");
  EXPECT_EQ(path_of("3\"/a b\"", true), "/a b");
  EXPECT_TRUE(fails("\"/a b", false));
  EXPECT_TRUE(fails("'/a b\"", false));
  EXPECT_TRUE(fails("\"", false));
  EXPECT_TRUE(fails("3\"/a", true));
}

TEST(WatchTest, ReadsEscapesWithAndWithoutQuotes) {
  EXPECT_EQ(path_of("/\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\""), "/\a\b\f\n\r\t\v\\'\"");
  EXPECT_EQ(path_of("\"/\\101\\x42\""), "/AB");
  EXPECT_EQ(path_of("/\\303\\xBc"), "/\xC3\xBC");
  EXPECT_EQ(path_of("/a\\x5c*"), "/a\\*");
}

TEST(WatchTest, RefusesOtherEscapes) {
  for (const char* value : {"/\\q", "/\\", "/\\12", "/\\128", "/\\x4", "/\\xg1", "/\\400", "/\\000",
                            "/\\x00", "/\\-12", "/\\x-1"}) {
    EXPECT_TRUE(fails(value, false)) << value;
  }
}

TEST(WatchTest, BringsPathsIntoTheFormOfAWalk) {
  EXPECT_EQ(path_of("/etc/"), "/etc");
  EXPECT_EQ(path_of("//etc///x//"), "/etc/x");
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a/...b"), "/a/...b");
  EXPECT_TRUE(fails("/etc/../usr", false));
  EXPECT_TRUE(fails("/etc/.", true));
  EXPECT_TRUE(fails("etc", false));
  EXPECT_TRUE(fails("", false));
}

TEST(WatchTest, RefusesAPathThatIsTooLong) {
  const std::string longest = "/" + std::string(PATH_MAX - 2, 'a');
  EXPECT_EQ(path_of(longest), longest);
  const auto watch = parse_watch(Name::ReadOnly, false, longest + "a");
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().kind, Error::Kind::Limit);
}

class ExpandTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "expandXXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    for (const char* file : {"a1", "a2", ".hidden", "a*"}) std::ofstream{directory_ + "/" + file};
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::vector<std::string> expand_here(const std::string& pattern) {
    const auto paths = expand(directory_ + "/" + pattern);
    EXPECT_TRUE(paths);
    std::vector<std::string> names;
    for (const std::string& path : *paths) names.push_back(path.substr(directory_.size() + 1));
    return names;
  }
  std::string directory_;
};

using Names = std::vector<std::string>;

TEST_F(ExpandTest, FindsWhatMatches) {
  EXPECT_EQ(expand_here("a?"), (Names{"a*", "a1", "a2"}));
  EXPECT_EQ(expand_here("a[2-9]"), Names{"a2"});
  EXPECT_EQ(expand_here("*1"), Names{"a1"});
}

TEST_F(ExpandTest, GivesAPlainPathBackWhetherItExistsOrNot) {
  EXPECT_EQ(expand_here("absent"), Names{"absent"});
}

TEST_F(ExpandTest, GivesNothingWhereNothingMatches) { EXPECT_EQ(expand_here("b*"), Names{}); }

TEST_F(ExpandTest, TakesABackslashAsAQuote) { EXPECT_EQ(expand_here("a\\*"), Names{"a*"}); }

TEST_F(ExpandTest, WantsLeadingDotsWrittenAndPassesOverTheDirectoryItself) {
  EXPECT_EQ(expand_here("*hidden"), Names{});
  EXPECT_EQ(expand_here(".*"), Names{".hidden"});
}

}  // namespace
}  // namespace samhain::policy
