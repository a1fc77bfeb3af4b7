#include "report/threshold.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace samhain::report {
namespace {

SeveritySet set_of(std::initializer_list<Severity> severities) {
  SeveritySet set;
  for (const Severity severity : severities) set.add(severity);
  return set;
}

SeveritySet parsed(std::string_view text) {
  const auto set = parse_threshold(text);
  EXPECT_TRUE(set) << text;
  return set ? *set : SeveritySet{};
}

TEST(SeverityWord, TakesTheWordsAndThreeAliasesInAnyCase) {
  EXPECT_EQ(severity_named("crit"), Severity::Crit);
  EXPECT_EQ(severity_named("CRITICAL"), Severity::Crit);
  EXPECT_EQ(severity_named("error"), Severity::Err);
  EXPECT_EQ(severity_named("Warning"), Severity::Warn);
  EXPECT_EQ(severity_named("none"), Severity::None);
}

TEST(SeverityWord, RefusesWhatMerelyBeginsWithOne) {
  EXPECT_EQ(severity_named("errata"), std::nullopt);
  EXPECT_EQ(severity_named("cri"), std::nullopt);
  EXPECT_EQ(severity_named(""), std::nullopt);
}

TEST(Threshold, ReadsItemsFromLeftToRight) {
  EXPECT_EQ(parsed("mark"), SeveritySet::from(Severity::Mark));
  EXPECT_EQ(parsed("*"), SeveritySet::from(Severity::Debug));
  EXPECT_EQ(parsed("debug"), SeveritySet::from(Severity::Debug));
  EXPECT_EQ(parsed("=mark"), set_of({Severity::Mark}));
  EXPECT_EQ(parsed("info,!crit"), set_of({Severity::Info, Severity::Notice, Severity::Warn,
                                          Severity::Mark, Severity::Err}));
  SeveritySet all_but_err = SeveritySet::from(Severity::Info);
  all_but_err.remove(Severity::Err);
  EXPECT_EQ(parsed("info;!=err"), all_but_err);
  EXPECT_EQ(parsed("=mark \t alert"), set_of({Severity::Mark, Severity::Alert}));
  EXPECT_EQ(parsed("!crit"), SeveritySet{});
}

TEST(Threshold, StaysOffAfterNone) {
  EXPECT_TRUE(parsed("none").is_empty());
  EXPECT_TRUE(parsed("none, alert").is_empty());
  EXPECT_TRUE(parsed("info !* crit").is_empty());
  EXPECT_TRUE(parsed("info !debug crit").is_empty());
}

TEST(Threshold, RefusesTheWholeListForOneBadItemAndNamesIt) {
  for (const std::string_view text : {"errata", "info, bogus, crit", "none, bogus", "=*", "!none",
                                      "=", "!", "", " , ", "= crit"}) {
    const auto set = parse_threshold(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().kind, Error::Kind::Malformed);
    EXPECT_NE(set.error().what.find("notice"), std::string::npos);
  }
  EXPECT_NE(parse_threshold("info, bogus, crit").error().what.find("\"bogus\""), std::string::npos);
  EXPECT_NE(parse_threshold("a\x1b").error().what.find("\"a\\033\""), std::string::npos);
}

TEST(ClassList, TakesWordsAndGroups) {
  const auto event = parse_classes("EVENT");
  ASSERT_TRUE(event);
  EXPECT_TRUE(event->has(EventClass::Event));
  EXPECT_FALSE(event->has(EventClass::Start));
  const auto some = parse_classes("run, error\tTCP");
  ASSERT_TRUE(some);
  for (const EventClass one : {EventClass::Run, EventClass::Event, EventClass::Start,
                               EventClass::Logkey, EventClass::Panic, EventClass::Tcp}) {
    EXPECT_TRUE(some->has(one)) << word(one);
  }
  EXPECT_FALSE(some->has(EventClass::Stamp));
  EXPECT_FALSE(some->has(EventClass::Fil));
  EXPECT_FALSE(parse_classes("RUN_OLD")->has(EventClass::Event));
  EXPECT_TRUE(ClassSet::all().has(EventClass::Logkey));
  EXPECT_TRUE(ClassSet::all().has(EventClass::Aud));
}

TEST(ClassList, RefusesAnUnknownWordAndNamesIt) {
  const auto refused = parse_classes("EVENT EVENTS");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("\"EVENTS\""), std::string::npos);
  EXPECT_NE(refused.error().what.find("STAMP"), std::string::npos);
  EXPECT_FALSE(parse_classes(""));
}

}  // namespace
}  // namespace samhain::report
