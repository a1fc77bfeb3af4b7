#include <gtest/gtest.h>

#include <algorithm>

#include "agent/settings.h"
#include "config/known.h"
#include "config_pages.h"
#include "policy/file_types.h"

namespace samhain::agent {
namespace {

Loaded read(std::string_view text, bool exists = true) {
  const config::Surroundings surroundings{
      "web1.example.test",
      "Linux:6.1:x86_64",
      [exists](const std::string&) { return exists; },
      [](const std::string&) { return true; },
      [](const std::string&) { return true; },
      [](const std::string&) -> Result<std::string> { return std::string{"2"}; }};
  const Paths paths{"/etc/samhainrc", "/log", "/pid", "/state", "/baseline"};
  return read_settings(text, Options{}, paths, surroundings);
}

TEST(SamhainrcTest, TheSampleParsesWithoutAWarning) {
  for (const bool exists : {true, false}) {
    const Loaded loaded = read(source_text("etc/samhainrc"), exists);
    EXPECT_EQ(told(loaded.problems), "");
    EXPECT_TRUE(loaded.settings.is_daemon);
    EXPECT_FALSE(loaded.settings.watches.empty());
  }
}

TEST(SamhainrcTest, TheSamplesDefaultsParseToo) {
  std::string text = source_text("etc/samhainrc");
  for (std::size_t at = 0; (at = text.find("\n#", at)) != std::string::npos; ++at) {
    if (text[at + 2] != ' ') text.erase(at + 1, 1);
  }
  const std::vector<config::Problem> problems = read(text).problems;
  // The one user that need not exist here.
  EXPECT_LE(problems.size(), 1U) << told(problems);
  for (const auto& problem : problems) EXPECT_EQ(problem.key, "trusteduser") << told(problems);
}

TEST(SamhainrcTest, TheManualsExamplesParseWithoutAWarning) {
  const auto examples = examples_of(source_text("man/samhainrc.5"));
  EXPECT_EQ(examples.size(), 4U);
  for (const std::string& example : examples) {
    EXPECT_EQ(told(read(example).problems), "") << example;
  }
}

TEST(SamhainrcTest, WhatIsNotBuiltIsToldAndInTheManual) {
  const std::string page = source_text("man/samhainrc.5");
  for (const config::NotBuilt& one : config::agent_not_built()) {
    const auto problems = read(use_of(one)).problems;
    ASSERT_EQ(problems.size(), 1U) << use_of(one) << told(problems);
    using Kind = config::Problem::Kind;
    EXPECT_EQ(problems[0].kind, one.no_use.empty() ? Kind::NotBuilt : Kind::NoUse) << use_of(one);
    EXPECT_TRUE(page_lists(page, one)) << use_of(one);
  }
}

TEST(SamhainrcTest, TheManualListsTheFileTypes) {
  const std::string page = source_text("man/samhainrc.5");
  for (const std::string_view type : policy::known_types()) {
    const std::size_t cut = type.rfind(':') + 1;
    const std::string head = "\n.It " + std::string{type.substr(0, cut)} + "\n";
    const std::size_t at = page.find(head);
    ASSERT_NE(at, std::string::npos) << type;
    const std::size_t begin = at + head.size();
    std::string list = " " + page.substr(begin, page.find("\n.", begin) - begin) + " ";
    std::ranges::replace(list, '\n', ' ');
    EXPECT_NE(list.find(" " + std::string{type.substr(cut)} + " "), std::string::npos) << type;
  }
}

}  // namespace
}  // namespace samhain::agent
