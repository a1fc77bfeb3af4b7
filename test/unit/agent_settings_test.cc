#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/settings.h"
#include "uplink_support.h"

namespace samhain::agent {
namespace {

const Paths kPaths = {"/c/samhainrc", "/l/samhain_log", "/r/samhain.pid", "/s", "/s/samhain_file"};

config::Surroundings surroundings() {
  config::Surroundings result;
  result.host_name = "host.example.test";
  result.system_name = "Linux:1:x";
  result.file_exists = [](const std::string&) { return false; };
  result.interface_exists = [](const std::string&) { return false; };
  result.command_succeeds = [](const std::string&) { return false; };
  result.command_output = [](const std::string&) -> Result<std::string> { return std::string{}; };
  return result;
}

Loaded read(std::string_view text, const Options& options = {}) {
  return read_settings(text, options, kPaths, surroundings());
}

TEST(AgentSettingsTest, NothingSaidGivesTheCompiledPathsAndTheUsualThresholds) {
  const Settings settings = read("").settings;
  EXPECT_EQ(settings.baseline_path, "/s/samhain_file");
  EXPECT_EQ(settings.spool_path, "/s/spool");
  EXPECT_EQ(settings.check_interval, std::chrono::seconds{600});
  EXPECT_TRUE(settings.print.severities.has(Severity::Info));
  EXPECT_FALSE(settings.log.severities.has(Severity::Info));
  EXPECT_EQ(settings.action, Action::None);
  EXPECT_FALSE(settings.is_daemon);
}

TEST(AgentSettingsTest, SendsABaselineOnlyWhereItIsWantedAndOnlyFromInit) {
  Options options;
  options.action = Action::Init;
  EXPECT_FALSE(read("", options).settings.uploads());
  const std::string_view wanted = "[Client]\nSetUploadBaseline=yes\n";
  EXPECT_TRUE(read(wanted, options).settings.uploads());
  options.action = Action::Check;
  EXPECT_FALSE(read(wanted, options).settings.uploads());
  EXPECT_EQ(read("[Misc]\nSetUploadBaseline=perhaps\n").problems.size(), 1U);
}

TEST(AgentSettingsTest, TriesForADeltaHaveBounds) {
  EXPECT_EQ(read("").settings.delta_retries, 2U);
  EXPECT_EQ(read("").settings.delta_retry_interval, std::chrono::seconds{60});
  const Loaded loaded = read("[Client]\nSetDeltaRetryCount=0\nSetDeltaRetryInterval=5\n");
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.settings.delta_retries, 0U);
  EXPECT_EQ(loaded.settings.delta_retry_interval, std::chrono::seconds{5});
  EXPECT_EQ(read("[Misc]\nSetDeltaRetryCount=1001\nSetDeltaRetryInterval=0\n").problems.size(), 2U);
}

TEST(AgentSettingsTest, TakesEachPartOfTheConfiguration) {
  const Loaded loaded = read(
      "[Misc]\nDaemon=yes\nChecksumTest=check\nSetFilecheckTime=5\nSetDatabasePath=AUTO\n"
      "SetLockfilePath=/x/pid\nSetRecursionLevel=2\nReportFullDetail=yes\n"
      "[Log]\nPrintSeverity=none\nLogFormat=classic\n"
      "[Client]\nSetLogServer=Server.Example.Test\nSetServerPort=1000\nSetSpoolLimit=4\n"
      "[EventSeverity]\nSeverityReadOnly=warn\n[ReadOnly]\ndir=1/etc\nfile=/bin/ls\n");
  EXPECT_TRUE(loaded.problems.empty());
  const Settings& settings = loaded.settings;
  EXPECT_TRUE(settings.is_daemon);
  EXPECT_EQ(settings.action, Action::Check);
  EXPECT_EQ(settings.check_interval, std::chrono::seconds{5});
  EXPECT_EQ(settings.baseline_path, "/s/samhain_file:host.example.test");
  EXPECT_EQ(settings.pid_path, "/x/pid");
  EXPECT_EQ(settings.default_depth, 2);
  EXPECT_TRUE(settings.scan.reports_full_detail);
  EXPECT_TRUE(settings.print.severities.is_empty());
  EXPECT_EQ(settings.log_layout.form, report::Form::Classic);
  EXPECT_EQ(settings.server_host, "server.example.test");
  EXPECT_EQ(settings.server_port, 1000);
  EXPECT_EQ(settings.spool_limit_bytes, 4U << 20);
  EXPECT_EQ(settings.scan.severities.of(policy::Name::ReadOnly), Severity::Warn);
  EXPECT_EQ(settings.watches.size(), 2U);
  EXPECT_TRUE(settings.exports());
}

TEST(AgentSettingsTest, TheCommandLineWins) {
  Options options;
  options.action = Action::Check;
  options.is_foreground = true;
  options.print_threshold = SeveritySet{};
  options.server_host = "other";
  options.depth = 7;
  const Settings settings =
      read("[Misc]\nDaemon=yes\nChecksumTest=init\nSetLogServer=one\n", options).settings;
  EXPECT_EQ(settings.action, Action::Check);
  EXPECT_FALSE(settings.is_daemon);
  EXPECT_TRUE(settings.print.severities.is_empty());
  EXPECT_EQ(settings.server_host, "other");
  EXPECT_EQ(settings.default_depth, 7);
}

TEST(AgentSettingsTest, InitIsNeverADaemon) {
  Options options;
  options.is_daemon = true;
  EXPECT_FALSE(read("[Misc]\nChecksumTest=init\n", options).settings.is_daemon);
}

TEST(AgentSettingsTest, WrongLinesBecomeProblemsAndTheRestCounts) {
  const Loaded loaded = read(
      "[Misc]\nSetLoopTime=soon\nSetLoopTime=7\nNoSuchKey=1\nSetReportFile=none\n"
      "SetLogServer=a\nSetLogServer=b\nSetLogServer=c\nDigestAlgo=TIGER192\n[Nowhere]\nx=y\n");
  using Kind = config::Problem::Kind;
  std::vector<Kind> kinds;
  for (const auto& problem : loaded.problems) kinds.push_back(problem.kind);
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::InvalidInput, Kind::InvalidLine, Kind::NotBuilt,
                                      Kind::Duplicate, Kind::InvalidInput, Kind::UnknownSection}));
  EXPECT_EQ(loaded.settings.mark_interval, std::chrono::seconds{7});
  EXPECT_EQ(loaded.settings.server_host, "a");
  EXPECT_EQ(loaded.settings.second_server_host, "b");
}

TEST(AgentSettingsTest, WordsWithoutAWorkAreNamedAndTheRestOfTheLineCounts) {
  const Loaded loaded =
      read("[Misc]\nRedefUser0=+AUDIT,-ATM\nRedefUser1=+PRE\n[Prelink]\ndir=/a\n");
  ASSERT_EQ(loaded.problems.size(), 2U);
  for (const auto& problem : loaded.problems) {
    EXPECT_EQ(problem.kind, config::Problem::Kind::NotBuilt);
  }
  EXPECT_NE(loaded.problems[0].reason.find("AUDIT"), std::string::npos);
  EXPECT_NE(loaded.problems[1].reason.find("PRE"), std::string::npos);
  EXPECT_EQ(loaded.settings.watches.size(), 1U);
}

TEST(AgentSettingsTest, TakesTheLimitsOfAScan) {
  const Settings usual = read("").settings;
  EXPECT_EQ(usual.limits, scan::MeasurerPool::Limits{});
  EXPECT_FALSE(usual.io_priority);
  EXPECT_TRUE(usual.drops_cache);
  EXPECT_FALSE(usual.resumes_scan);
  const Loaded loaded = read(
      "[Misc]\nSetIOLimit=100\nSetPressureLimit=30\nSetIOPriority=Best-Effort 0\n"
      "SetDropCache=no\nResumeScan=yes\nStartupLoadDelay=7\n");
  EXPECT_TRUE(loaded.problems.empty());
  const Settings& settings = loaded.settings;
  EXPECT_EQ(settings.limits.bytes_per_second, 102'400U);
  EXPECT_EQ(settings.limits.pressure_percent, 30U);
  EXPECT_EQ(settings.io_priority, (sys::IoPriority{.is_idle = false, .level = 0}));
  EXPECT_FALSE(settings.drops_cache);
  EXPECT_TRUE(settings.resumes_scan);
  EXPECT_EQ(settings.load_delay, std::chrono::seconds{7});
}

TEST(AgentSettingsTest, TheServersOfTheCommandLineTakeThePlaceOfThoseConfigured) {
  Options options;
  options.server_host = "one";
  const Settings settings = read("[Client]\nSetLogServer=a\nSetLogServer=b\n", options).settings;
  EXPECT_EQ(settings.server_host, "one");
  EXPECT_EQ(settings.second_server_host, "");
}

TEST(AgentSettingsTest, ABaselineMayBeTheServersWithAndWithoutAPathHere) {
  const Settings both = read("[Misc]\nSetDatabasePath=REQ_FROM_SERVER/b/file\n").settings;
  EXPECT_TRUE(both.is_baseline_remote);
  EXPECT_EQ(both.baseline_path, "/b/file");
  const Settings none = read("[Misc]\nSetDatabasePath=REQ_FROM_SERVER\n").settings;
  EXPECT_TRUE(none.is_baseline_remote);
  EXPECT_EQ(none.baseline_path, "");
  const Loaded wrong = read("[Misc]\nSetDatabasePath=REQ_FROM_SERVERfile\n");
  EXPECT_EQ(wrong.problems.size(), 1U) << "not an absolute path";
  EXPECT_FALSE(wrong.settings.is_baseline_remote);
}

TEST(AgentSettingsTest, AProblemTellsFileLineReasonAndRemedy) {
  const Loaded loaded = read("[Misc]\nSetLoopTime=soon\n");
  ASSERT_EQ(loaded.problems.size(), 1U);
  const Report report = report_of(loaded.problems[0], "/c/samhainrc", 0);
  EXPECT_EQ(report.message(), "Invalid input");
  EXPECT_EQ(report.severity, Severity::Warn);
  EXPECT_EQ(report.find("option"), "setlooptime");
  EXPECT_EQ(report.find("obj"), "soon");
  EXPECT_EQ(report.find("path"), "/c/samhainrc");
  EXPECT_EQ(report.find("line"), "2");
  EXPECT_FALSE(report.find("reason").empty());
  EXPECT_FALSE(report.find("remedy").empty());
}

TEST(AgentSettingsTest, ReadsATrustedFileAndRefusesOneThatOthersMayWrite) {
  const uplink::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/rc";
  std::ofstream{path} << "[Misc]\nSetLoopTime=9\n";
  Options options;
  options.config_path = path;
  std::filesystem::permissions(path, std::filesystem::perms{0600});
  const Loading good = load_settings(options, kPaths, "host");
  ASSERT_TRUE(good.loaded);
  EXPECT_EQ(good.loaded->settings.mark_interval, std::chrono::seconds{9});
  EXPECT_EQ(good.loaded->settings.config_digest.size(), 64U);

  std::filesystem::permissions(path, std::filesystem::perms{0666});
  const Loading bad = load_settings(options, kPaths, "host");
  EXPECT_FALSE(bad.loaded);
  ASSERT_FALSE(bad.unusable.distrust.empty());
  EXPECT_EQ(bad.unusable.distrust[0].message, "World writeable");
}

TEST(AgentSettingsTest, SaysThatAFileIsNotThere) {
  Options options;
  options.config_path = "/nonexistent/rc";
  const Loading loading = load_settings(options, kPaths, "host");
  EXPECT_FALSE(loading.loaded);
  EXPECT_TRUE(loading.unusable.distrust.empty());
  EXPECT_EQ(loading.unusable.error.sys_errno, ENOENT);
}

}  // namespace
}  // namespace samhain::agent
