#include <gtest/gtest.h>

#include "policy/policy.h"

namespace samhain::policy {
namespace {

using Place = PolicyTree::Place;

Watch file(std::string path, Name policy) { return Watch{policy, false, std::nullopt, path, 0}; }
Watch dir(int depth, std::string path, Name policy) { return Watch{policy, true, depth, path, 0}; }

PolicyTree tree_of(std::initializer_list<Watch> watches) {
  PolicyTree tree;
  for (const Watch& watch : watches) EXPECT_TRUE(tree.add(watch, 0));
  return tree;
}

/// The policies as words: "[ReadOnly]", or "-".
std::string word(const std::optional<Rule>& rule) {
  return rule ? std::string{tag_of(rule->policy)} : "-";
}
std::string roots(const PolicyTree& tree) {
  std::string text;
  for (const auto& root : tree.roots()) text += (root.is_directory ? "d" : "f") + root.path + " ";
  return text;
}

TEST(TreeTest, WatchesADirectoryToItsDepth) {
  const PolicyTree tree = tree_of({dir(1, "/etc", Name::ReadOnly)});
  EXPECT_EQ(roots(tree), "d/etc ");
  EXPECT_EQ(word(tree.rule_of_root("/etc")), "[ReadOnly]");
  const Place top = tree.enter_root("/etc");
  EXPECT_EQ(word(tree.rule_of(top, "x")), "[ReadOnly]");
  const auto below = tree.enter(top, "ssl");
  ASSERT_TRUE(below);
  EXPECT_EQ(word(tree.rule_of(*below, "certs")), "[ReadOnly]");
  EXPECT_FALSE(tree.enter(*below, "certs"));
}

TEST(TreeTest, LooksNothingUpWhereNothingIsMoreSpecific) {
  const PolicyTree tree =
      tree_of({dir(9, "/etc", Name::ReadOnly), file("/etc/a/b", Name::LogFiles)});
  const Place top = tree.enter_root("/etc");
  EXPECT_NE(top.node, nullptr);
  EXPECT_NE(tree.enter(top, "a")->node, nullptr);
  EXPECT_EQ(tree.enter(top, "other")->node, nullptr);
  EXPECT_EQ(tree.enter(*tree.enter(top, "a"), "b")->node, nullptr);
}

TEST(TreeTest, AnExactFileBeatsDirectories) {
  const PolicyTree tree =
      tree_of({dir(0, "/etc", Name::ReadOnly), file("/etc/mtab", Name::IgnoreAll),
               file("/etc", Name::Attributes)});
  EXPECT_EQ(roots(tree), "d/etc ");
  EXPECT_EQ(word(tree.rule_of_root("/etc")), "[Attributes]");
  EXPECT_EQ(word(tree.rule_of(tree.enter_root("/etc"), "mtab")), "[IgnoreAll]");
  EXPECT_EQ(word(tree.rule_of(tree.enter_root("/etc"), "other")), "[ReadOnly]");
}

TEST(TreeTest, ASubDirectoryWithItsOwnLineOverrides) {
  const PolicyTree tree = tree_of({dir(0, "/a", Name::ReadOnly), dir(1, "/a/b", Name::Attributes)});
  EXPECT_EQ(roots(tree), "d/a ");
  const Place top = tree.enter_root("/a");
  EXPECT_EQ(word(tree.rule_of(top, "b")), "[Attributes]");
  EXPECT_FALSE(tree.enter(top, "c"));
  const auto below = tree.enter(top, "b");
  ASSERT_TRUE(below);
  EXPECT_EQ(below->levels, 1);
  EXPECT_EQ(word(tree.rule_of(*below, "x")), "[Attributes]");
}

TEST(TreeTest, ASubDirectoryWithOnlyAFileIsEnteredByItsParent) {
  const PolicyTree tree = tree_of({dir(2, "/a", Name::ReadOnly), file("/a/b", Name::IgnoreAll)});
  const Place top = tree.enter_root("/a");
  EXPECT_EQ(word(tree.rule_of(top, "b")), "[IgnoreAll]");
  const auto below = tree.enter(top, "b");
  ASSERT_TRUE(below);
  EXPECT_EQ(word(tree.rule_of(*below, "x")), "[ReadOnly]");
}

TEST(TreeTest, DepthMinusOneLeavesASubtreeOutButNotWhatIsNamedInIt) {
  const PolicyTree tree = tree_of({dir(9, "/a", Name::ReadOnly), dir(-1, "/a/b", Name::IgnoreAll),
                                   dir(0, "/a/b/c", Name::LogFiles), file("/a/b/d", Name::User0)});
  const Place top = tree.enter_root("/a");
  EXPECT_EQ(word(tree.rule_of(top, "b")), "[IgnoreAll]");
  EXPECT_FALSE(tree.enter(top, "b"));
  EXPECT_EQ(roots(tree), "d/a d/a/b/c f/a/b/d ");
  EXPECT_FALSE(tree.enter_root("/a/b").rule);
}

TEST(TreeTest, BeginsWalksOnlyWhereNoOtherComes) {
  const PolicyTree tree = tree_of({dir(1, "/a", Name::ReadOnly), file("/a/x", Name::LogFiles),
                                   file("/a/b/x", Name::LogFiles), file("/a/b/c/x", Name::LogFiles),
                                   dir(0, "/a/b/c/d", Name::User1), dir(0, "/a-b", Name::User2),
                                   file("/z", Name::User3)});
  EXPECT_EQ(roots(tree), "d/a d/a-b d/a/b/c/d f/a/b/c/x f/z ");
}

TEST(TreeTest, TellsWhatHasALineOfItsOwn) {
  const PolicyTree tree = tree_of({dir(9, "/a", Name::ReadOnly), file("/a/f", Name::LogFiles),
                                   dir(0, "/a/d", Name::User0), file("/a/way/f", Name::User1)});
  const Place top = tree.enter_root("/a");
  EXPECT_TRUE(tree.is_configured(top, "f"));
  EXPECT_TRUE(tree.is_configured(top, "d"));
  EXPECT_FALSE(tree.is_configured(top, "way"));
  EXPECT_FALSE(tree.is_configured(top, "other"));
  const auto named = tree.named_entries(top);
  ASSERT_EQ(named.size(), 2U);
  EXPECT_EQ(named[0].name, "d");
  EXPECT_EQ(named[0].rule.policy, Name::User0);
  EXPECT_EQ(named[1].name, "f");
  EXPECT_EQ(tree.watched_directories(), (std::vector<std::string>{"/a", "/a/d"}));
  EXPECT_EQ(tree.watched_files(), (std::vector<std::string>{"/a/f", "/a/way/f"}));
}

TEST(TreeTest, KeepsTheFirstOfTwoEqualLines) {
  PolicyTree tree = tree_of({file("/a", Name::ReadOnly)});
  const auto again = tree.add(file("/a", Name::IgnoreAll), 0);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, Error::Kind::Busy);
  EXPECT_EQ(word(tree.rule_of_root("/a")), "[ReadOnly]");
  EXPECT_TRUE(tree.add(dir(0, "/a", Name::IgnoreAll), 0));
}

TEST(TreeTest, UsesTheDefaultDepthWhereNoneIsGiven) {
  PolicyTree tree;
  ASSERT_TRUE(tree.add(Watch{Name::ReadOnly, true, std::nullopt, "/a", 0}, 3));
  EXPECT_EQ(tree.enter_root("/a").levels, 3);
}

TEST(TreeTest, WatchesTheWholeHost) {
  const PolicyTree tree = tree_of({dir(1, "/", Name::ReadOnly), file("/etc/x", Name::User0)});
  EXPECT_EQ(roots(tree), "d/ ");
  EXPECT_EQ(word(tree.rule_of_root("/")), "[ReadOnly]");
  const auto etc = tree.enter(tree.enter_root("/"), "etc");
  ASSERT_TRUE(etc);
  EXPECT_EQ(word(tree.rule_of(*etc, "x")), "[User0]");
}

TEST(TreeTest, IsEmptyUntilSomethingIsAdded) {
  PolicyTree tree;
  EXPECT_TRUE(tree.is_empty());
  EXPECT_TRUE(tree.roots().empty());
  EXPECT_FALSE(tree.rule_of_root("/"));
  ASSERT_TRUE(tree.add(file("/", Name::ReadOnly), 0));
  EXPECT_FALSE(tree.is_empty());
  EXPECT_EQ(roots(tree), "f/ ");
}

TEST(TreeTest, WhatIsNotDueRests) {
  PolicyTree tree;
  ASSERT_TRUE(tree.add(dir(9, "/a", Name::ReadOnly), 0, false));
  ASSERT_TRUE(tree.add(dir(9, "/a/b", Name::User0), 0, true));
  ASSERT_TRUE(tree.add(dir(9, "/a/b/c", Name::User1), 0, false));
  ASSERT_TRUE(tree.add(file("/a/f", Name::User2), 0, true));
  ASSERT_TRUE(tree.add(dir(9, "/a/f", Name::User2), 0, false));
  EXPECT_EQ(roots(tree), "d/a/b f/a/f ");
  EXPECT_EQ(tree.resting(), (std::vector<std::string>{"/a", "/a/b/c"}));
  EXPECT_FALSE(tree.enter_root("/a").rule);
  const auto place = tree.enter_root("/a/b");
  EXPECT_FALSE(tree.enter(place, "c"));  // the directory itself is an object, its content is not
  EXPECT_EQ(word(tree.rule_of(place, "c")), "[User1]");
  EXPECT_TRUE(tree.enter(place, "d"));
  EXPECT_FALSE(tree.add(dir(0, "/a", Name::LogFiles), 0, true));  // the first line counts
}

TEST(TreeTest, FindsFilesWhoseWritingChangesAFixedDirectory) {
  const auto found = [](std::initializer_list<Watch> watches) {
    std::string text;
    for (const FixedParent& one : find_fixed_parents(tree_of(watches))) {
      text += one.directory + ":" + one.file + " ";
    }
    return text;
  };
  const Watch top = dir(9, "/a", Name::ReadOnly);
  EXPECT_EQ(found({top, file("/a/f", Name::GrowingLogFiles)}), "/a:/a/f ");
  EXPECT_EQ(found({top, file("/a/f", Name::ReadOnly)}), "");
  EXPECT_EQ(found({top, file("/a/f", Name::IgnoreNone)}), "");
  EXPECT_EQ(found({top, file("/a/b/f", Name::LogFiles)}), "");
  EXPECT_EQ(found({top, file("/a", Name::Attributes), file("/a/f", Name::LogFiles)}), "");
  EXPECT_EQ(found({dir(9, "/a", Name::LogFiles), file("/a/f", Name::Attributes)}), "");
}

}  // namespace
}  // namespace samhain::policy
