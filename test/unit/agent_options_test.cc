#include <gtest/gtest.h>

#include <vector>

#include "agent/options.h"

namespace samhain::agent {
namespace {

Result<Options> parse(std::vector<std::string_view> arguments) { return parse_options(arguments); }

std::string complaint(std::vector<std::string_view> arguments) {
  const auto options = parse(std::move(arguments));
  return options ? "taken" : options.error().what;
}

TEST(OptionsTest, TakesShortAndLongForms) {
  const auto options =
      parse({"-t", "check", "--set-print-severity=none", "--set-log-severity", "err", "-Df", "-r",
             "3", "--config-file=/x/rc", "--server-port=1234"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->action, Action::Check);
  EXPECT_TRUE(options->print_threshold->is_empty());
  EXPECT_TRUE(options->log_threshold->has(Severity::Err));
  EXPECT_FALSE(options->log_threshold->has(Severity::Mark));
  EXPECT_TRUE(options->is_daemon);
  EXPECT_TRUE(options->is_forever);
  EXPECT_EQ(options->depth, 3);
  EXPECT_EQ(options->config_path, "/x/rc");
  EXPECT_EQ(options->server_port, 1234);
}

TEST(OptionsTest, TheFirstActionCounts) {
  EXPECT_EQ(parse({"-t", "check", "-t", "init"})->action, Action::Check);
}

TEST(OptionsTest, NamesWhatIsWrong) {
  EXPECT_EQ(complaint({"-q"}), "Error: unrecognized short option: -q");
  EXPECT_EQ(complaint({"--daemonfoo"}), "Error: unrecognized long option: --daemonfoo");
  EXPECT_EQ(complaint({"--daem"}), "Error: unrecognized long option: --daem");
  EXPECT_EQ(complaint({"-t"}), "Error: missing argument: -t");
  EXPECT_EQ(complaint({"--server-host="}), "Error: missing argument: --server-host");
  EXPECT_EQ(complaint({"-tcheck"}),
            "Error: short option with argument is not last in option string: -tcheck");
  EXPECT_EQ(complaint({"check"}), "Error: not an option: check");
  EXPECT_EQ(complaint({"-D", "--foreground=yes"}), "Error: option takes no argument: --foreground");
}

TEST(OptionsTest, RefusesBadValues) {
  for (const auto& arguments : std::vector<std::vector<std::string_view>>{
           {"-t", "upgrade"},
           {"-t", "CHECK"},
           {"-p", "errata"},
           {"-r", "100"},
           {"-r", "-1"},
           {"--server-port", "0"},
           {"--server-port", "65536"},
           {"--bind-address", "localhost"},
           {"--server-host", "a", "--server-host", "b", "--server-host", "c"}}) {
    EXPECT_TRUE(complaint(arguments).starts_with("Error: invalid argument: ")) << arguments[0];
  }
}

TEST(OptionsTest, RefusesByNameWhatIsNotBuilt) {
  EXPECT_EQ(complaint({"-m", "alert"}), "Error: option not built yet (--set-mail-severity): -m");
  EXPECT_EQ(complaint({"-w", "5"}), "Error: option not built yet (--wait-on-check): -w");
}

Result<Options> parse_words(const std::vector<std::string_view>& words) {
  return parse_update(words);
}

TEST(UpdateOptionsTest, TakesPathsFindingsAndPatterns) {
  const auto options = parse_words(
      {"/a/b/", "--pattern=/c/*", "--finding", "3,5", "7", "--reason", "a patch", "-p", "none"});
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->action, Action::Update);
  EXPECT_EQ(options->update.paths, std::vector<std::string>{"/a/b"});
  EXPECT_EQ(options->update.patterns, std::vector<std::string>{"/c/*"});
  EXPECT_EQ(options->update.findings, (std::vector<std::uint64_t>{3, 5, 7}));
  EXPECT_EQ(options->update.reason, "a patch");
}

TEST(UpdateOptionsTest, RefusesWhatNamesNothing) {
  EXPECT_FALSE(parse_words({}));
  EXPECT_FALSE(parse_words({"--reason=x"}));
  EXPECT_FALSE(parse_words({"etc/passwd"}));
  EXPECT_FALSE(parse_words({"--pattern=*.conf"}));
  EXPECT_FALSE(parse_words({"--finding=x"}));
  EXPECT_FALSE(parse_words({"/a", "-t", "check"}));
  EXPECT_FALSE(parse_words({"/a", "-d", "default"}));
}

TEST(OptionsTest, AnUpdateIsAnAction) {
  const auto options = parse({"-t", "update", "-i", "--listfile=/l"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->action, Action::Update);
  EXPECT_TRUE(options->update.is_interactive);
  EXPECT_EQ(options->update.list_file, "/l");
  EXPECT_FALSE(options->update.is_approval());
}

TEST(OptionsTest, WhatActsAtOnceEndsTheReading) {
  EXPECT_EQ(parse({"-H", "text", "--no-such-option"})->task, Options::Task::HashText);
  EXPECT_EQ(parse({"-Dv"})->task, Options::Task::ShowVersion);
  EXPECT_EQ(parse({"--print-own-name"})->task, Options::Task::PrintOwnName);
}

TEST(OptionsTest, AListingTakesItsOptionsInAnyOrder) {
  for (const auto& arguments : std::vector<std::vector<std::string_view>>{
           {"-a", "-d", "/some/file"}, {"-d", "/some/file", "-a"}, {"-ad", "/some/file"}}) {
    const auto options = parse(arguments);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->task, Options::Task::ListBaseline);
    EXPECT_EQ(options->operand, "/some/file");
    EXPECT_EQ(options->list_form, Options::ListForm::Full);
  }
  EXPECT_EQ(complaint({"-d", "/some/file", "--no-such-option"}),
            "Error: unrecognized long option: --no-such-option");
}

TEST(OptionsTest, ABinaryListingGoesToAFile) {
  const auto options = parse({"--binary", "-o", "/o", "-d", "/f", "--list-filter=/l"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->list_form, Options::ListForm::Binary);
  EXPECT_EQ(options->outfile, "/o");
  EXPECT_EQ(options->list_filter, "/l");
  EXPECT_EQ(complaint({"-o", "/o", "-d", "/f"}),
            "Error: only with --binary or --create-database: --outfile");
}

TEST(OptionsTest, ControlBytesOfTheUserStayOffTheTerminal) {
  EXPECT_EQ(complaint({"--\x1b[2J"}), "Error: unrecognized long option: --\\033[2J");
}

TEST(OptionsTest, UsageNamesWhatIsBuiltAndNothingElse) {
  const std::string text = usage();
  for (const auto* name : {"-t, --set-checksum-test=ACTION", "-D, --daemon", "--config-file=PATH",
                           "-H, --hash-string=TEXT", "--print-own-name"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(text.find("trace-logfile"), std::string::npos);
}

}  // namespace
}  // namespace samhain::agent
