#include <gtest/gtest.h>

#include "config/known.h"
#include "config_pages.h"
#include "server/settings.h"
#include "srp/verifier.h"

namespace samhain::server {
namespace {

Loaded read(std::string_view text) {
  const config::Surroundings surroundings{
      "yule.example.test",
      "Linux:6.1:x86_64",
      [](const std::string&) { return true; },
      [](const std::string&) { return true; },
      [](const std::string&) { return true; },
      [](const std::string&) -> Result<std::string> { return std::string{"2"}; }};
  return read_settings(text, surroundings,
                       Defaults{"/log", "/pid", "/socket", 49777, "/data", "", 49777});
}

TEST(YulercTest, TheSampleParsesWithoutAWarning) {
  const Loaded loaded = read(source_text("etc/yulerc"));
  EXPECT_EQ(told(loaded.problems), "");
  EXPECT_TRUE(loaded.settings.is_daemon);
}

TEST(YulercTest, TheSamplesDefaultsParseToo) {
  std::string text = source_text("etc/yulerc");
  for (std::size_t at = 0; (at = text.find("\n#", at)) != std::string::npos; ++at) {
    if (text[at + 2] != ' ') text.erase(at + 1, 1);
  }
  const std::vector<config::Problem> problems = read(text).problems;
  // The one user that need not exist here.
  EXPECT_LE(problems.size(), 1U) << told(problems);
  for (const auto& problem : problems) EXPECT_EQ(problem.key, "trusteduser") << told(problems);
}

TEST(YulercTest, TheManualsExamplesParseWithoutAWarning) {
  const auto examples = examples_of(source_text("man/yulerc.5"));
  EXPECT_EQ(examples.size(), 2U);
  const std::string stand_in = "client1.example.test@SALT@VERIFIER";
  const std::string entry = srp::registration_line(
      srp::make_verifier("client1.example.test", "00112233445566778899aabbccddeeff", srp::Salt{}));
  for (std::string example : examples) {
    if (const auto at = example.find(stand_in); at != std::string::npos) {
      example.replace(at, stand_in.size(), entry);
    }
    EXPECT_EQ(told(read(example).problems), "") << example;
  }
}

TEST(YulercTest, WhatIsNotBuiltIsToldAndInTheManual) {
  const std::string page = source_text("man/yulerc.5");
  for (const config::NotBuilt& one : config::server_not_built()) {
    const auto problems = read(use_of(one)).problems;
    ASSERT_EQ(problems.size(), 1U) << use_of(one) << told(problems);
    using Kind = config::Problem::Kind;
    EXPECT_EQ(problems[0].kind, one.no_use.empty() ? Kind::NotBuilt : Kind::NoUse) << use_of(one);
    EXPECT_TRUE(page_lists(page, one)) << use_of(one);
  }
}

}  // namespace
}  // namespace samhain::server
