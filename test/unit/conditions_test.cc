#include "config/conditions.h"

#include <gtest/gtest.h>

#include "config_support.h"

namespace samhain::config {
namespace {

using Kind = Problem::Kind;

/// What counts of a block that opens with `opening` and has an @else: "then" or "else".
std::string branch(const std::string& opening) {
  FakeHost host;
  return marks(host.parse("[Misc]\n" + opening + "\nmark=then\n@else\nmark=else\n@fi\n"));
}

struct Case {
  const char* opening;
  const char* branch;
};

class ConditionTest : public testing::TestWithParam<Case> {};

TEST_P(ConditionTest, ChoosesTheBranch) {
  EXPECT_EQ(branch(GetParam().opening), GetParam().branch);
}

INSTANTIATE_TEST_SUITE_P(
    HostNames, ConditionTest,
    testing::Values(Case{"@if hostname_matches client1.example.test", "then"},
                    Case{"@if hostname_matches client1.example.testing", "then"},
                    Case{"@if hostname_matches ^client[0-9]+\\.", "then"},
                    Case{"@if hostname_matches example", "then"},
                    Case{"@if hostname_matches ^example", "else"},
                    Case{"@if not hostname_matches ^example", "then"},
                    Case{"@IF NOT Hostname_Matches client1", "else"},
                    Case{"@if !hostname_matches client1", "else"},
                    Case{"@if ! hostname_matches other", "then"}, Case{"@client1", "then"},
                    Case{"@ client1", "then"}, Case{"@client2", "else"}, Case{"!@client2", "then"},
                    Case{"!@client1", "else"}));

INSTANTIATE_TEST_SUITE_P(Systems, ConditionTest,
                         testing::Values(Case{"@if system_matches Linux:6", "then"},
                                         Case{"@if system_matches Linux:.*:x86_64", "then"},
                                         Case{"@if system_matches FreeBSD", "else"},
                                         Case{"$Linux:.*:x86_64", "then"},
                                         Case{"$(Linux|FreeBSD):", "then"},
                                         Case{"$FreeBSD", "else"}, Case{"!$FreeBSD", "then"},
                                         Case{"!$Linux", "else"}));

INSTANTIATE_TEST_SUITE_P(Others, ConditionTest,
                         testing::Values(Case{"@if file_exists /etc/passwd", "then"},
                                         Case{"@if file_exists /etc/*", "else"},
                                         Case{"@if not file_exists /etc/passwd", "else"},
                                         Case{"@if interface_exists 192.0.2.7", "then"},
                                         Case{"@if interface_exists 192.0.2.8", "else"},
                                         Case{"@if command_succeeds true", "then"},
                                         Case{"@if command_succeeds false", "else"},
                                         Case{"@if !command_succeeds false", "then"}));

INSTANTIATE_TEST_SUITE_P(WhatCannotBeTestedIsNotTrueEitherWay, ConditionTest,
                         testing::Values(Case{"@if phase_of_moon full", "else"},
                                         Case{"@if not phase_of_moon full", "else"},
                                         Case{"@if", "else"}, Case{"@if file_exists", "else"},
                                         Case{"@if not file_exists", "else"},
                                         Case{"@if hostname_matches a(", "else"},
                                         Case{"@if not hostname_matches a(", "else"},
                                         Case{"@a(", "else"}, Case{"!@a(", "else"},
                                         Case{"@", "else"}, Case{"!$", "else"}));

TEST(ConditionsTest, NestAndKeepTheirOwnElse) {
  FakeHost host;
  const Document document = host.parse(
      "[Misc]\n@if file_exists /etc/passwd\nmark=1\n@client2\nmark=2\n@else\nmark=3\n@end\nmark=4\n"
      "@else\nmark=5\n@client1\nmark=6\n@else\nmark=7\n@end\n@fi\nmark=8\n");
  EXPECT_EQ(marks(document), "1 3 4 8");
  EXPECT_TRUE(document.problems.empty());
}

TEST(ConditionsTest, EveryEndClosesEveryBlock) {
  for (const char* end : {"@fi", "@end", "$end", "@END", "$End"}) {
    FakeHost host;
    const Document document =
        host.parse(std::string{"[Misc]\n$FreeBSD\nmark=1\n"} + end + "\nmark=2\n");
    EXPECT_EQ(marks(document), "2") << end;
    EXPECT_TRUE(document.problems.empty()) << end;
  }
}

TEST(ConditionsTest, RunNothingInsideABlockThatDoesNotCount) {
  FakeHost host;
  const Document document = host.parse(
      "[Misc]\n@other\n@if command_succeeds true\nmark=1\n@else\nmark=2\n@fi\n@fi\nmark=3\n");
  EXPECT_EQ(marks(document), "3");
  EXPECT_TRUE(host.commands.empty());
}

TEST(ConditionsTest, HideSectionsToo) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n@other\n[Log]\n@end\nmark=1\n");
  ASSERT_EQ(document.entries.size(), 1U);
  EXPECT_EQ(document.entries[0].section, "misc");
}

TEST(ConditionsTest, NameTheLineOfAnUnsupportedTest) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n@if phase_of_moon full\n@fi\n");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::UnsupportedTest);
  EXPECT_EQ(document.problems[0].line, 2U);
  EXPECT_EQ(document.problems[0].value, "phase_of_moon full");
  EXPECT_NE(document.problems[0].remedy.find("file_exists"), std::string::npos);
}

TEST(ConditionsTest, NameAnEndOrElseWithoutABlock) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n@end\nmark=1\n@else\nmark=2\n");
  EXPECT_EQ(marks(document), "1 2");
  ASSERT_EQ(document.problems.size(), 2U);
  EXPECT_EQ(document.problems[0].kind, Kind::UnmatchedEnd);
  EXPECT_EQ(document.problems[0].line, 2U);
  EXPECT_EQ(document.problems[1].kind, Kind::UnmatchedEnd);
  EXPECT_EQ(document.problems[1].line, 4U);
}

TEST(ConditionsTest, NameTheBlockThatIsNeverClosed) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n@client1\nmark=1\n@client1\n@end\n[EOF]\n@end\n");
  EXPECT_EQ(marks(document), "1");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::MissingEnd);
  EXPECT_EQ(document.problems[0].line, 2U);
}

TEST(ConditionsTest, LeaveOutWhatFollowsASecondElse) {
  FakeHost host;
  const Document document =
      host.parse("[Misc]\n@other\nmark=1\n@else\nmark=2\n@else\nmark=3\n@fi\nmark=4\n");
  EXPECT_EQ(marks(document), "2 4");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].line, 6U);
}

TEST(ConditionsTest, CloseInSpiteOfTextAfterTheWordAndSaySo) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n@other\n@fi # other\nmark=1\n");
  EXPECT_EQ(marks(document), "1");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].reason, "text after @fi");
}

}  // namespace
}  // namespace samhain::config
