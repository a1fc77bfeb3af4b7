#include "policy/skip.h"

#include <gtest/gtest.h>

#include "policy/pattern.h"

namespace samhain::policy {
namespace {

struct File {
  std::string path = "/srv/data/a.iso";
  std::uint32_t mode = 0100644;
  std::uint64_t size = 1'000;
  std::string head = "\x89PNG\r\n\x1a\n";
};

struct Outcome {
  bool is_skipped = false;
  int heads_read = 0;
};
Outcome ask(const SkipSettings& settings, const File& file = {}) {
  const auto skipper = Skipper::make(settings);
  EXPECT_TRUE(skipper) << (skipper ? "" : skipper.error().what);
  Outcome outcome;
  outcome.is_skipped =
      skipper && skipper->skips({file.path, file.mode, file.size}, [&]() -> std::string_view {
        ++outcome.heads_read;
        return file.head;
      });
  return outcome;
}
bool skips(const SkipSettings& settings, const File& file = {}) {
  return ask(settings, file).is_skipped;
}
bool line(std::string_view conditions, const File& file = {}) {
  return skips({.conditions = {std::string{conditions}}}, file);
}

TEST(SkipTest, HasEachCondition) {
  EXPECT_TRUE(line("match_prefix(/srv/)"));
  EXPECT_FALSE(line("match_prefix(/srv/b)"));
  EXPECT_TRUE(line("match_regex(\\.iso$)"));
  EXPECT_TRUE(line("match_regex(data)"));  // anywhere
  EXPECT_FALSE(line("match_regex(^data)"));
  EXPECT_TRUE(line("size_exceeds(999)"));
  EXPECT_FALSE(line("size_exceeds(1000)"));
  EXPECT_TRUE(line("match_permission(0644)"));
  EXPECT_FALSE(line("match_permission(4)"));  // one digit will do
  EXPECT_TRUE(line("have_permission(4)"));
  EXPECT_FALSE(line("have_permission(0111)"));
  EXPECT_TRUE(line("match_filetype(IMAGE:BITMAP:PNG)"));
  EXPECT_TRUE(line("match_filetype(IMAGE)"));
  EXPECT_FALSE(line("match_filetype(AUDIO)"));
}

TEST(SkipTest, ALineIsAllOfItsConditionsAndOneLineIsEnough) {
  EXPECT_TRUE(line("match_prefix(/srv), size_exceeds(10)"));
  EXPECT_TRUE(line("match_prefix(/srv)\tsize_exceeds(10) ,have_permission(0400)"));
  EXPECT_FALSE(line("match_prefix(/srv),size_exceeds(1000)"));
  EXPECT_TRUE(line("match_prefix(/srv),!size_exceeds(1000)"));
  EXPECT_FALSE(line("!match_filetype(IMAGE)"));
  EXPECT_TRUE(line("!match_filetype(AUDIO),!match_prefix(/usr)"));
  EXPECT_TRUE(skips({.conditions = {"match_prefix(/usr)", "match_prefix(/srv)"}}));
}

TEST(SkipTest, AnArgumentMayHoldBlanksCommasAndBrackets) {
  EXPECT_TRUE(line("match_regex((a|b)\\.(iso|img)$) size_exceeds(1)"));
  EXPECT_TRUE(line("match_prefix(/srv/a (old), b)", {.path = "/srv/a (old), b/c"}));
  EXPECT_FALSE(line("match_regex((a|b)\\.(iso|img)$) size_exceeds(1)", {.path = "/c.iso"}));
}

TEST(SkipTest, ReadsTheHeadOnlyWhereTheTypeDecides) {
  EXPECT_EQ(ask({.conditions = {"match_prefix(/srv)"}}).heads_read, 0);
  EXPECT_EQ(ask({.conditions = {"match_filetype(IMAGE),match_prefix(/usr)"}}).heads_read, 0);
  const Outcome two =
      ask({.conditions = {"match_filetype(AUDIO)", "match_filetype(VIDEO) size_exceeds(1)"}});
  EXPECT_FALSE(two.is_skipped);
  EXPECT_EQ(two.heads_read, 1);
}

TEST(SkipTest, TypesOfTheConfigurationCount) {
  const SkipSettings settings{.conditions = {"match_filetype(DATA:OWN)"},
                              .types = {"0:0:4:DATA:OWN:BLOB:Blob:blob"}};
  EXPECT_TRUE(skips(settings, {.head = "blob!"}));
  EXPECT_FALSE(skips(settings));
}

TEST(SkipTest, WhatIsIgnoredWhenModifiedIsNotRead) {
  EXPECT_TRUE(skips({.ignore_modified = {"/srv/data/a"}}));
  EXPECT_FALSE(skips({.ignore_modified = {"/data"}}));
}

TEST(SkipTest, SaysWhatIsWrong) {
  for (const char* text :
       {"", " , ", "match_prefix", "match_prefix(", "match_prefix()", "match_prefix(/a",
        "match_prefix(/a)size_exceeds(1)", "match_prefix(/a) x", "size_exceeds(x)",
        "size_exceeds(-1)", "size_exceeds()", "match_permission(8)", "match_permission(10000)",
        "have_permission()", "match_regex([)", "match_regex((a)\\1)", "!", "! match_prefix(/a)"}) {
    const auto skipper = Skipper::make({.conditions = {text}});
    ASSERT_FALSE(skipper) << text;
    EXPECT_NE(skipper.error().what.find("; "), std::string::npos) << skipper.error().what;
  }
}

TEST(PatternTest, IsAnchoredAtTheStartOnly) {
  const std::vector<std::string> texts = {"/var/log/a", "/b|/c"};
  const auto patterns = PathPatterns::compile(texts);
  ASSERT_TRUE(patterns);
  EXPECT_TRUE(patterns->matches("/var/log/a"));
  EXPECT_TRUE(patterns->matches("/var/log/abc"));
  EXPECT_FALSE(patterns->matches("/x/var/log/a"));
  EXPECT_TRUE(patterns->matches("/c/d"));
  EXPECT_FALSE(patterns->matches("/x/c"));
}

TEST(PatternTest, RefusesWhatCostsTooMuch) {
  const auto refuses = [](const std::string& text) {
    return !Pattern::compile(text, Pattern::Anchor::Start);
  };
  EXPECT_TRUE(refuses(std::string(1'025, 'a')));
  EXPECT_TRUE(refuses("((a{255}){255}){255}"));
  EXPECT_TRUE(refuses("a{1,99999999999999999999}"));
  EXPECT_TRUE(refuses("(a)\\1"));
  EXPECT_FALSE(refuses("[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}"));
  EXPECT_FALSE(refuses("[{]{3}[]{]\\{900"));
  EXPECT_TRUE(refuses("[a"));
  const auto broken = Pattern::compile("(a", Pattern::Anchor::None);
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().what.starts_with("Unmatched ( or \\(")) << broken.error().what;
}

TEST(PatternTest, NeverMatchesAPathBeyondPathMax) {
  const auto pattern = Pattern::compile("/", Pattern::Anchor::Start);
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(pattern->matches("/" + std::string(4'000, 'a')));
  EXPECT_FALSE(pattern->matches("/" + std::string(4'095, 'a')));
}

}  // namespace
}  // namespace samhain::policy
