#include <gtest/gtest.h>

#include <vector>

#include "server/options.h"

namespace samhain::server {
namespace {

Result<Options> parse(const std::vector<std::string_view>& arguments) {
  return parse_options(arguments);
}

std::string error_of(const std::vector<std::string_view>& arguments) {
  const auto options = parse(arguments);
  return options ? std::string{} : options.error().what;
}

TEST(ServerOptionsTest, TakesWhatTheManualPageShows) {
  const auto options =
      parse({"-p", "info", "--set-log-severity=none", "--foreground", "--config-file=/x/yulerc"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->task, Options::Task::Serve);
  EXPECT_EQ(options->is_daemon, false);
  ASSERT_TRUE(options->print_threshold);
  EXPECT_TRUE(options->print_threshold->has(Severity::Info));
  ASSERT_TRUE(options->log_threshold);
  EXPECT_TRUE(options->log_threshold->is_empty());
  EXPECT_EQ(options->config_path, "/x/yulerc");
}

TEST(ServerOptionsTest, TakesWhereToRelay) {
  const auto options = parse({"--server-host=Central", "--server-port", "50000", "-e", "mark",
                              "--bind-address=127.0.0.2"});
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->server_host, "central");
  EXPECT_EQ(options->server_port, 50'000);
  ASSERT_TRUE(options->bind_address);
  EXPECT_EQ(options->bind_address->text(), "127.0.0.2");
  EXPECT_TRUE(options->export_threshold->has(Severity::Mark));
  EXPECT_FALSE(parse({"--server-port=0"}));
  EXPECT_FALSE(parse({"--bind-address=central"}));
}

TEST(ServerOptionsTest, CountsTheFirstOfDaemonAndForeground) {
  EXPECT_EQ(parse({"-D", "--foreground"})->is_daemon, true);
  EXPECT_EQ(parse({"--foreground", "-D"})->is_daemon, false);
  EXPECT_EQ(parse({})->is_daemon, std::nullopt);
}

TEST(ServerOptionsTest, ActsAtOnce) {
  EXPECT_EQ(parse({"-G", "--nonsense"})->task, Options::Task::MakePassword);
  const auto options = parse({"-P", "0123456789abcdef"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->task, Options::Task::MakeRegistration);
  EXPECT_EQ(options->password, "0123456789abcdef");
}

TEST(ServerOptionsTest, WantsLongNamesWhole) {
  EXPECT_EQ(error_of({"--daemonfoo"}), "Error: unrecognized long option: --daemonfoo");
  EXPECT_EQ(error_of({"--daem"}), "Error: unrecognized long option: --daem");
}

TEST(ServerOptionsTest, TakesWhatHasNoUseAnyMoreAndSaysWhy) {
  const auto options = parse({"-S", "-q", "--check-config"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->only_checks);
  ASSERT_EQ(options->without_use.size(), 2U);
  EXPECT_EQ(options->without_use[1].first, "-q");
  EXPECT_NE(options->without_use[1].second.find("SetStripDomain"), std::string::npos);
}

TEST(ServerOptionsTest, TheFirstJailCountsAndMustBeAbsolute) {
  const auto options = parse({"--chroot=/x", "--chroot", "/y"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->jail_path, "/x");
  EXPECT_TRUE(error_of({"--chroot=x"}).starts_with("Error: invalid argument: --chroot x"));
}

TEST(ServerOptionsTest, SaysWhatIsWrong) {
  EXPECT_EQ(error_of({"-Z"}), "Error: unrecognized short option: -Z");
  EXPECT_EQ(error_of({"-p"}), "Error: missing argument: -p");
  EXPECT_EQ(error_of({"-pD", "info"}),
            "Error: short option with argument is not last in option string: -pD");
  EXPECT_TRUE(error_of({"-p", "errata"}).starts_with("Error: invalid argument: -p errata"));
  EXPECT_EQ(error_of({"-m", "none"}), "Error: option not built yet: -m");
}

}  // namespace
}  // namespace samhain::server
