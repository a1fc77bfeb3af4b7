#include "config/document.h"

#include <gtest/gtest.h>

#include "config_support.h"

namespace samhain::config {
namespace {

using Kind = Problem::Kind;

TEST(DocumentTest, ReadsSectionsAndKeysWithoutRegardToCase) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n  SetLoopTime = 30 s \n[LOG]\nlogseverity=warn\n");
  ASSERT_EQ(document.entries.size(), 2U);
  EXPECT_EQ(document.entries[0].section, "misc");
  EXPECT_EQ(document.entries[0].key, "setlooptime");
  EXPECT_EQ(document.entries[0].value, "30 s");
  EXPECT_EQ(document.entries[0].line, 2U);
  EXPECT_EQ(document.entries[1].section, "log");
  EXPECT_EQ(document.entries[1].line, 4U);
  ASSERT_EQ(document.headings.size(), 2U);
  EXPECT_EQ(document.headings[1].section, "log");
  EXPECT_EQ(document.headings[1].line, 3U);
  EXPECT_TRUE(document.problems.empty());
}

TEST(DocumentTest, SplitsAtTheFirstEqualsSignOnly) {
  FakeHost host;
  EXPECT_EQ(marks(host.parse("[Misc]\nmark=a=b==c\n")), "a=b==c");
}

TEST(DocumentTest, CountsALastLineWithoutNewline) {
  FakeHost host;
  EXPECT_EQ(marks(host.parse("[Misc]\nmark=1\nmark=2")), "1 2");
}

TEST(DocumentTest, AcceptsLinesOfOtherSystems) {
  FakeHost host;
  EXPECT_EQ(marks(host.parse("[Misc]\r\nmark=1\r\n")), "1");
}

TEST(DocumentTest, PassesOverComments) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n# mark=1\n ; mark=2\n// mark=3\n\nmark=4 # no\n");
  EXPECT_EQ(marks(document), "4 # no");
  EXPECT_TRUE(document.problems.empty());
}

TEST(DocumentTest, PassesOverTheArmourOfAClearSignedFile) {
  FakeHost host;
  const Document document = host.parse(
      "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n[Misc]\nmark=1\n[EOF]\n"
      "-----BEGIN PGP SIGNATURE-----\n\niQEz=\n=abcd\n-----END PGP SIGNATURE-----\n");
  EXPECT_EQ(marks(document), "1");
  EXPECT_TRUE(document.problems.empty());
}

TEST(DocumentTest, ComplainsOfASettingBeforeTheFirstSection) {
  FakeHost host;
  const Document document = host.parse("mark=1\n[Misc]\nmark=2\n");
  EXPECT_EQ(marks(document), "2");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::InvalidLine);
  EXPECT_EQ(document.problems[0].line, 1U);
  EXPECT_EQ(document.problems[0].key, "mark");
}

TEST(DocumentTest, EndsAtEofButNotInsideAnExcludedBlock) {
  FakeHost host;
  EXPECT_EQ(marks(host.parse("[Misc]\nmark=1\n[eof]\nmark=2\n")), "1");
  EXPECT_EQ(marks(host.parse("[Misc]\n@other\n[EOF]\n@end\nmark=2\n")), "2");
  EXPECT_EQ(marks(host.parse("[Misc]\n@client1.example.test\n[EOF]\n@end\nmark=2\n")), "");
}

TEST(DocumentTest, TakesAHeadingWithTextBehindItAndSaysWhatIsRight) {
  FakeHost host;
  const Document document = host.parse("[ReadOnly] all of it\nmark=1\n");
  EXPECT_EQ(marks(document), "1");
  EXPECT_EQ(document.entries[0].section, "readonly");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::InvalidLine);
  EXPECT_NE(document.problems[0].remedy.find("[ReadOnly] alone"), std::string::npos);
}

TEST(DocumentTest, TakesAHeadingWithoutItsBracketAndSaysSo) {
  FakeHost host;
  const Document document = host.parse("[ReadOnly\nmark=1\n");
  ASSERT_EQ(document.entries.size(), 1U);
  EXPECT_EQ(document.entries[0].section, "readonly");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].reason, "no ] after the section's name");
}

TEST(DocumentTest, TakesOnlyTheClosingKeysAlone) {
  FakeHost host;
  const Document document =
      host.parse("[Misc]\nCloseCommand\nCloseAddress\nLogmonEndGroup\nLogmonEndHost\nDaemon\n");
  ASSERT_EQ(document.entries.size(), 4U);
  EXPECT_EQ(document.entries[0].key, "closecommand");
  EXPECT_EQ(document.entries[3].key, "logmonendhost");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].line, 6U);
  EXPECT_EQ(document.problems[0].reason, "no = in the line");
}

TEST(DocumentTest, GivesScheduleMarksAsEntries) {
  FakeHost host;
  const Document document = host.parse("[ReadOnly]\n%Schedule_Two\ndir=/a\n!%SCHEDULE_TWO\n");
  ASSERT_EQ(document.entries.size(), 3U);
  EXPECT_EQ(document.entries[0].key, "%schedule_two");
  EXPECT_EQ(document.entries[2].key, "!%schedule_two");
}

TEST(DocumentTest, ComplainsOfAnEmptyKeyOrValue) {
  FakeHost host;
  const Document document = host.parse("[Misc]\n=1\nDaemon =  \n");
  EXPECT_TRUE(document.entries.empty());
  ASSERT_EQ(document.problems.size(), 2U);
  EXPECT_EQ(document.problems[0].reason, "no key before =");
  EXPECT_EQ(document.problems[1].reason, "no value after =");
}

TEST(DocumentTest, PutsACommandsFirstLineInThePlaceOfItself) {
  FakeHost host;
  const Document document = host.parse("[Misc]\nmark = $(echo (a))\n");
  EXPECT_EQ(marks(document), "said echo (a)");
  EXPECT_EQ(host.commands, std::vector<std::string>{"echo (a)"});
}

TEST(DocumentTest, NamesACommandThatFailsOrSaysNothing) {
  FakeHost host;
  const Document document = host.parse("[Misc]\nmark=$(false)\nmark=$(silent)\nmark=$(echo) b\n");
  EXPECT_EQ(marks(document), "");
  ASSERT_EQ(document.problems.size(), 3U);
  for (const Problem& problem : document.problems) EXPECT_EQ(problem.kind, Kind::InvalidInput);
  EXPECT_EQ(document.problems[0].value, "$(false)");
  EXPECT_NE(document.problems[0].reason.find("exit status"), std::string::npos);
  EXPECT_NE(document.problems[1].reason.find("empty"), std::string::npos);
  EXPECT_NE(document.problems[2].reason.find("part of the value"), std::string::npos);
}

TEST(DocumentTest, ExpandsNothingButWholeValues) {
  FakeHost host;
  EXPECT_EQ(marks(host.parse("[Misc]\nmark=a$(echo)\n")), "a$(echo)");
  EXPECT_EQ(marks(host.parse("# $(echo)\n[Misc]\n@other\nmark=$(echo)\n@end\n")), "");
  EXPECT_TRUE(host.commands.empty());
}

TEST(DocumentTest, RefusesBinaryJunkLineByLine) {
  FakeHost host;
  const Document document = host.parse(std::string_view{"[Misc]\nmark=\0 1\nmark=2\n", 22});
  EXPECT_EQ(marks(document), "2");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::Unreadable);
  EXPECT_EQ(document.problems[0].line, 2U);
}

TEST(DocumentTest, TakesTheLongestLineAndRefusesALongerOne) {
  FakeHost host;
  const std::string longest = "mark=" + std::string(kMaxLine - 5, 'x');
  EXPECT_TRUE(host.parse("[Misc]\n" + longest + "\n").problems.empty());
  const Document document = host.parse("[Misc]\n" + longest + "x\nmark=2\n");
  EXPECT_EQ(marks(document), "2");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::Unreadable);
}

TEST(DocumentTest, RefusesAFileThatIsTooLong) {
  FakeHost host;
  std::string text = "[Misc]\nmark=1\n";
  text.resize(kMaxFile + 1, '\n');
  const Document document = host.parse(text);
  EXPECT_TRUE(document.entries.empty());
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.problems[0].kind, Kind::Unreadable);
  text.resize(kMaxFile);
  EXPECT_EQ(marks(host.parse(text)), "1");
}

TEST(DocumentTest, StopsWhenNearlyNothingIsRight) {
  FakeHost host;
  std::string text = "[Misc]\n";
  for (std::size_t i = 0; i < 2 * kMaxProblems; ++i) text += "junk\n";
  const Document document = host.parse(text + "mark=1\n");
  EXPECT_EQ(marks(document), "");
  ASSERT_EQ(document.problems.size(), kMaxProblems + 1);
  EXPECT_EQ(document.problems.back().kind, Kind::Unreadable);
}

TEST(DocumentTest, ReadsAnEmptyText) {
  FakeHost host;
  const Document document = host.parse("");
  EXPECT_TRUE(document.entries.empty());
  EXPECT_TRUE(document.problems.empty());
}

}  // namespace
}  // namespace samhain::config
