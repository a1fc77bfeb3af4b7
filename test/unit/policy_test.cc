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
  std::vector<Watch> watches;
  const auto settings = watch_settings(watches);
  const config::Document document =
      config::parse("[ReadOnly]\nfile=/etc/passwd\ndir=2/etc\n[User3]\ndir=etc\nfilex=/a\n", {});
  const auto problems = config::apply(document, settings, {});
  ASSERT_EQ(watches.size(), 2U);
  EXPECT_EQ(watches[0].policy, Name::ReadOnly);
  EXPECT_EQ(watches[1].depth, 2);
  EXPECT_EQ(watches[1].line, 3U);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].kind, config::Problem::Kind::InvalidInput);
  EXPECT_EQ(problems[0].key, "dir");
  EXPECT_EQ(problems[1].kind, config::Problem::Kind::InvalidLine);
}

}  // namespace
}  // namespace samhain::policy
