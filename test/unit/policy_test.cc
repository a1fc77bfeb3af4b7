#include "policy/policy.h"

#include <gtest/gtest.h>

#include <array>

#include "policy/settings.h"

namespace samhain::policy {
namespace {

constexpr auto bit(Attribute a) { return static_cast<std::uint32_t>(a); }

TEST(PolicyTest, ComparesWhatTheOriginalCompares) {
  EXPECT_EQ(attributes_of(Name::ReadOnly).bits(), 0xF7FU);
  EXPECT_EQ(attributes_of(Name::LogFiles).bits(), 0xE1EU);
  EXPECT_EQ(attributes_of(Name::GrowingLogFiles).bits(), 0x1F1FU);
  EXPECT_EQ(attributes_of(Name::IgnoreNone).bits(), 0xFBFU);
  EXPECT_EQ(attributes_of(Name::IgnoreAll).bits(), 0U);
  EXPECT_EQ(attributes_of(Name::Attributes).bits(), 0xA18U);
  EXPECT_EQ(attributes_of(Name::User0).bits(), 0xFFFU);
  EXPECT_EQ(attributes_of(Name::User4), attributes_of(Name::User0));
  EXPECT_EQ(attributes_of(Name::Prelink).bits(), 0x2E1BU);
  EXPECT_EQ(attributes_of(Name::ReadOnly).bits() & bit(Attribute::Atime), 0U);
}

TEST(PolicyTest, HasAWordForEach) {
  EXPECT_EQ(section_of(Name::GrowingLogFiles), "growinglogfiles");
  EXPECT_EQ(tag_of(Name::GrowingLogFiles), "[GrowingLogs]");
  EXPECT_EQ(tag_of(Name::ReadOnly), "[ReadOnly]");
  EXPECT_EQ(tag_of(Name::User4), "[User4]");
}

TEST(PolicySettingsTest, SetSeverities) {
  Severities severities;
  EXPECT_EQ(severities.of(Name::GrowingLogFiles), Severity::Crit);
  const auto settings = severity_settings(severities);
  const config::Document document = config::parse(
      "[EventSeverity]\nSeverityGrowingLogs=warn\nSeverityNames=debug\nSeverityUser1=warn, crit\n",
      {});
  const auto problems = config::apply(document, settings, {});
  EXPECT_EQ(severities.of(Name::GrowingLogFiles), Severity::Warn);
  EXPECT_EQ(severities.names, Severity::Debug);
  EXPECT_EQ(severities.of(Name::User1), Severity::Crit);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 4U);
}

TEST(PolicySettingsTest, CollectWatches) {
  Reading reading;
  const auto settings = watch_settings(reading);
  const config::Document document =
      config::parse("[ReadOnly]\nfile=/etc/passwd\ndir=2/etc\n[User3]\ndir=etc\nfilex=/a\n", {});
  const auto problems = config::apply(document, settings, {});
  const auto watches = reading.finish();
  ASSERT_EQ(watches.size(), 2U);
  EXPECT_EQ(watches[0].policy, Name::ReadOnly);
  EXPECT_EQ(watches[1].depth, 2);
  EXPECT_EQ(watches[1].line, 3U);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].kind, config::Problem::Kind::InvalidInput);
  EXPECT_EQ(problems[0].key, "dir");
  EXPECT_EQ(problems[1].kind, config::Problem::Kind::InvalidLine);
}

TEST(PolicySettingsTest, AWatchHasTheMaskOfItsLine) {
  Reading reading;
  const auto settings = watch_settings(reading);
  const config::Document document = config::parse(
      "[Attributes]\nfile=/a\n[Misc]\nRedefAttributes=CHK\nRedefAttributes=+XYZ\n"
      "[Attributes]\nfile=/b\n[Prelink]\nfile=/c\n[Misc]\nUseACLCheck=yes\n",
      {});
  const auto problems = config::apply(document, settings, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 5U);
  EXPECT_TRUE(problems[0].reason.starts_with("+XYZ ")) << problems[0].reason;
  const auto watches = reading.finish();
  ASSERT_EQ(watches.size(), 3U);
  // Where UseACLCheck stands does not matter, and what has no MOD has no ACL.
  EXPECT_EQ(watches[0].attributes->bits(), 0xA18U | bit(Attribute::Acl));
  EXPECT_EQ(watches[1].attributes->bits(), bit(Attribute::Checksum));
  EXPECT_EQ(watches[2].attributes->bits(),
            attributes_of(Name::Prelink).bits() | bit(Attribute::Acl));
}

TEST(PolicySettingsTest, ABlockIsOfTheSecondSchedule) {
  Reading reading;
  Timetable table;
  auto settings = watch_settings(reading);
  settings.push_back(schedule_setting("FileCheckScheduleTwo", table));
  const config::Document document = config::parse(
      "[Misc]\nFileCheckScheduleTwo=0 3 * * *\nFileCheckScheduleTwo=0 3 * *\n"
      "[ReadOnly]\ndir=/a\n%SCHEDULE_TWO\ndir=/b\nfile=/c\n[LogFiles]\ndir=/d\n"
      "!%schedule_two\ndir=/e\n",
      {});
  const auto problems = config::apply(document, settings, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 3U);
  EXPECT_FALSE(table.is_empty());
  std::string second;
  for (const Watch& watch : reading.finish()) {
    if (watch.is_second) second += watch.path;
  }
  EXPECT_EQ(second, "/b/d");
}

}  // namespace
}  // namespace samhain::policy
