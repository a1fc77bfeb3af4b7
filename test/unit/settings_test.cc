#include "config/settings.h"

#include <gtest/gtest.h>

#include <array>

#include "config_support.h"

namespace samhain::config {
namespace {

using Kind = Problem::Kind;

constexpr std::array kNotBuilt = {NotBuilt{"Misc", "DigestAlgo"}, NotBuilt{"Utmp", ""}};

/// Parses and applies a text to two settings.
struct Applied {
  explicit Applied(std::string_view text) {
    FakeHost host;
    const std::array settings = {
        Setting{"Misc", "Daemon",
                [this](const Entry& entry) -> Result<void> {
                  if (entry.value == "twice") return Error{Error::Kind::Busy, "said before"};
                  if (entry.value != "yes") {
                    return Error{Error::Kind::Malformed, "not yes; write yes; or nothing"};
                  }
                  taken.push_back("daemon");
                  return {};
                }},
        Setting{"Log", "LogSeverity", [this](const Entry& entry) -> Result<void> {
                  taken.push_back(entry.value);
                  return {};
                }}};
    problems = apply(host.parse(text), settings, kNotBuilt);
  }
  std::vector<std::string> taken;
  std::vector<Problem> problems;
};

TEST(SettingsTest, GivesEntriesToTheirSettingInTheOrderOfTheFile) {
  const Applied applied("[LOG]\nlogseverity=a\n[misc]\nDAEMON=yes\n[log]\nLogSeverity=b\n");
  EXPECT_EQ(applied.taken, (std::vector<std::string>{"a", "daemon", "b"}));
  EXPECT_TRUE(applied.problems.empty());
}

TEST(SettingsTest, MatchesKeysAsAWholeAndOnlyInTheirSection) {
  const Applied applied("[Log]\nLogSeverityX=a\nDaemon=yes\n");
  EXPECT_TRUE(applied.taken.empty());
  ASSERT_EQ(applied.problems.size(), 2U);
  EXPECT_EQ(applied.problems[0].kind, Kind::InvalidLine);
  EXPECT_EQ(applied.problems[0].line, 2U);
  EXPECT_EQ(applied.problems[0].key, "logseverityx");
  EXPECT_EQ(applied.problems[1].kind, Kind::InvalidLine);
  EXPECT_EQ(applied.problems[1].remedy, "it belongs under [Misc]");
}

TEST(SettingsTest, TellsReasonAndRemedyOfABadValue) {
  const Applied applied("[Misc]\nDaemon=maybe\n");
  ASSERT_EQ(applied.problems.size(), 1U);
  EXPECT_EQ(applied.problems[0].kind, Kind::InvalidInput);
  EXPECT_EQ(applied.problems[0].key, "daemon");
  EXPECT_EQ(applied.problems[0].value, "maybe");
  EXPECT_EQ(applied.problems[0].reason, "not yes");
  EXPECT_EQ(applied.problems[0].remedy, "write yes; or nothing");
}

TEST(SettingsTest, TellsWhatIsSaidTwice) {
  const Applied applied("[Misc]\nDaemon=twice\n");
  ASSERT_EQ(applied.problems.size(), 1U);
  EXPECT_EQ(applied.problems[0].kind, Kind::Duplicate);
}

TEST(SettingsTest, NamesWhatIsNotBuiltYet) {
  const Applied applied("[Misc]\nDigestAlgo=SHA1\n[Utmp]\nLoginCheckActive=1\n[Utmp]\n");
  ASSERT_EQ(applied.problems.size(), 3U);
  for (const Problem& problem : applied.problems) EXPECT_EQ(problem.kind, Kind::NotBuilt);
  EXPECT_EQ(applied.problems[0].key, "digestalgo");
  EXPECT_EQ(applied.problems[1].key, "[utmp]");
  EXPECT_EQ(applied.problems[1].line, 3U);
  EXPECT_EQ(applied.problems[2].key, "logincheckactive");
}

TEST(SettingsTest, TellsAnUnknownSectionOnceAndPassesOverItsLines) {
  const Applied applied("[Kernel]\na=1\nb=2\n[Kernel]\nc=3\n[Misc]\nDaemon=yes\n");
  EXPECT_EQ(applied.taken, std::vector<std::string>{"daemon"});
  ASSERT_EQ(applied.problems.size(), 1U);
  EXPECT_EQ(applied.problems[0].kind, Kind::UnknownSection);
  EXPECT_EQ(applied.problems[0].line, 1U);
}

}  // namespace
}  // namespace samhain::config
