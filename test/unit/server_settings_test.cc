#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/settings.h"

namespace samhain::server {
namespace {

config::Surroundings nowhere() {
  config::Surroundings surroundings;
  surroundings.host_name = "server.example.test";
  surroundings.system_name = "Linux:6:x86_64";
  surroundings.file_exists = [](const std::string&) { return false; };
  surroundings.interface_exists = [](const std::string&) { return false; };
  surroundings.command_succeeds = [](const std::string&) { return false; };
  surroundings.command_output = [](const std::string&) -> Result<std::string> {
    return Error{Error::Kind::Refused, "no commands here"};
  };
  return surroundings;
}

Loaded read(std::string_view text) {
  return read_settings(
      text, nowhere(),
      {"/log/yule_log", "/run/yule.pid", "/run/yule.sock", 49'777, "/lib/yule", ""});
}

std::string registration(std::string_view host, char digit) {
  return std::string{host} + "@" + std::string(32, 'A') + "@" + std::string(768, digit);
}

TEST(ServerSettingsTest, HasDefaultsForEverything) {
  const Loaded loaded = read("");
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.settings.port, 49'777);
  EXPECT_EQ(loaded.settings.log_path, "/log/yule_log");
  EXPECT_EQ(loaded.settings.session_lifetime, std::chrono::seconds{7'200});
  EXPECT_EQ(loaded.settings.max_unauthenticated, 32U);
  EXPECT_EQ(loaded.settings.lookup_severity, Severity::Crit);
  EXPECT_TRUE(loaded.settings.has_socket);
  EXPECT_TRUE(loaded.settings.strips_domain);
}

TEST(ServerSettingsTest, RelaysToOneServerOrTwo) {
  EXPECT_FALSE(read("").settings.relay.is_on());
  const Loaded loaded = read("[Server]\nSetLogServer=Central\n[Misc]\nSetLogServer=::1\n");
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.settings.relay.host, "central");
  EXPECT_EQ(loaded.settings.relay.second_host, "::1");
  EXPECT_TRUE(loaded.settings.relay_own.severities.is_empty());

  const Loaded three = read("[Misc]\nSetLogServer=a\nSetLogServer=b\nSetLogServer=c\n");
  ASSERT_EQ(three.problems.size(), 1U);
  EXPECT_EQ(three.problems[0].line, 4U);
  EXPECT_EQ(three.settings.relay.second_host, "b");
}

TEST(ServerSettingsTest, KeepsARelaysServerUntilTheNextStart) {
  const Loaded before = read("[Misc]\nSetLogServer=a\n");
  Loaded after = read("[Misc]\nSetLogServer=b\nSetSpoolLimit=3\n[Log]\nExportSeverity=mark\n");
  const auto kept = keep_until_restart(before.settings, after.settings);
  EXPECT_EQ(kept, (std::vector<std::string_view>{"SetLogServer", "SetSpoolLimit"}));
  EXPECT_EQ(after.settings.relay.host, "a");
  EXPECT_TRUE(after.settings.relay_own.severities.has(Severity::Mark));
}

TEST(ServerSettingsTest, TakesTheServersOptionsInBothSections) {
  const Loaded loaded = read(
      "[Server]\nSetServerPort = 50000\nSeverityLookup=warn\n"
      "[Misc]\nSetClientFromAccept=yes\nSetLoopTime=0\nSetServerInterface=::1\nLogFormat="
      "classic\n");
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.settings.port, 50'000);
  EXPECT_EQ(loaded.settings.lookup_severity, Severity::Warn);
  EXPECT_TRUE(loaded.settings.names_from_accept);
  EXPECT_EQ(loaded.settings.loop_time.count(), 0);
  EXPECT_EQ(loaded.settings.log_layout.form, report::Form::Classic);
  ASSERT_TRUE(loaded.settings.interface);
  EXPECT_EQ(loaded.settings.interface->text(), "::1");
}

TEST(ServerSettingsTest, NamesWhatOnlyTheNextStartCanChangeAndKeepsItUntilThen) {
  const Settings old = read("[Misc]\nSetServerInterface=::1\n").settings;
  Settings same = read("[Misc]\nSetServerInterface=::1\nSetIdleTimeout=7\n").settings;
  EXPECT_TRUE(keep_until_restart(old, same).empty());
  EXPECT_EQ(same.front.idle, std::chrono::seconds{7});

  Settings next = read(
                      "[Misc]\nSetServerPort=50000\nSetSocketPath=/run/other.sock\nDaemon=yes\n"
                      "SetLogfilePath=/log/other\nSetLockfilePath=/run/other.pid\nSetUseSocket=no\n"
                      "HideSetup=yes\n")
                      .settings;
  const auto kept = keep_until_restart(old, next);
  EXPECT_EQ(std::set<std::string_view>(kept.begin(), kept.end()),
            (std::set<std::string_view>{"SetServerPort", "SetServerInterface", "SetSocketPath",
                                        "SetUseSocket", "SetLogfilePath", "SetLockfilePath",
                                        "Daemon", "HideSetup"}));
  EXPECT_EQ(next.port, old.port);
  EXPECT_EQ(next.socket_path, old.socket_path);
  EXPECT_EQ(next.log_path, old.log_path);
  ASSERT_TRUE(next.interface);
  EXPECT_EQ(next.interface->text(), "::1");
}

TEST(ServerSettingsTest, KeepsUploadsBesideTheFilesUnlessTold) {
  const Settings usual = read("[Server]\nSetDataDirectory = /srv/yule\n").settings;
  EXPECT_EQ(usual.data_path, "/srv/yule");
  EXPECT_EQ(usual.pending_path, "/srv/yule/pending");
  EXPECT_FALSE(usual.accepts_uploads);
  const Settings told =
      read("[Server]\nSetPendingPath = /srv/new\nAcceptBaselineUpload = yes\nSetUploadLimit = 7\n")
          .settings;
  EXPECT_EQ(told.pending_path, "/srv/new");
  EXPECT_TRUE(told.accepts_uploads);
  EXPECT_EQ(told.upload_limit_mib, 7U);
  EXPECT_EQ(read("[Server]\nSetUploadLimit = 4096\n").problems.size(), 1U);
}

TEST(ServerSettingsTest, KeepsTheOldValueWhereTheNewOneIsBad) {
  const Loaded loaded = read("[Misc]\nSetServerPort=70000\nSetIdleTimeout=soon\nDaemon=perhaps\n");
  EXPECT_EQ(loaded.problems.size(), 3U);
  EXPECT_TRUE(has_mistake(loaded.problems));
  EXPECT_EQ(loaded.settings.port, 49'777);
  EXPECT_EQ(loaded.settings.front.idle, std::chrono::seconds{600});
  EXPECT_FALSE(loaded.settings.is_daemon);
}

TEST(ServerSettingsTest, RegistersClientsInLowerCase) {
  const Loaded loaded =
      read("[Clients]\nClient=" + registration("Client1.Example.Test", '1') + "\n");
  EXPECT_TRUE(loaded.problems.empty());
  ASSERT_EQ(loaded.settings.clients.size(), 1U);
  EXPECT_EQ(loaded.settings.clients.begin()->first, "client1.example.test");
}

TEST(ServerSettingsTest, RefusesAnythingButARegistration) {
  for (const std::string value : {"foo", "a@b", "@x@y"}) {
    const Loaded loaded = read("[Clients]\nClient=" + value + "\n");
    ASSERT_EQ(loaded.problems.size(), 1U) << value;
    EXPECT_EQ(loaded.problems[0].kind, config::Problem::Kind::InvalidInput) << value;
    EXPECT_TRUE(loaded.settings.clients.empty()) << value;
  }
  // A key that only begins like a known one is another key.
  const Loaded loaded = read("[Clients]\nClientfoo=" + registration("a.b", '1') + "\n");
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].kind, config::Problem::Kind::InvalidLine);
}

TEST(ServerSettingsTest, CountsTheLastOfTwoEntriesAndNamesBothLines) {
  const Loaded loaded = read("[Clients]\nClient=" + registration("a.b", '1') +
                             "\nClient=" + registration("A.B", '2') + "\n");
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].kind, config::Problem::Kind::Duplicate);
  EXPECT_NE(loaded.problems[0].reason.find("line 2"), std::string::npos);
  EXPECT_NE(loaded.problems[0].reason.find("line 3"), std::string::npos);
  EXPECT_EQ(loaded.settings.clients.at("a.b").v[0], 0x22);
}

TEST(ServerSettingsTest, DoesNotCallWhatIsNotBuiltAMistake) {
  const Loaded loaded = read("[Misc]\nSamhainPath=/x\n");
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].kind, config::Problem::Kind::NotBuilt);
  EXPECT_FALSE(has_mistake(loaded.problems));
}

TEST(ServerSettings, ThePageIsBesideTheLogUnlessSaidOtherwise) {
  EXPECT_EQ(read("").settings.html_path, "/log/yule.html");
  EXPECT_EQ(read("[Misc]\nSetLogfilePath=/other/log\n").settings.html_path, "/other/yule.html");
  EXPECT_EQ(read("[Server]\nSetHtmlFile=/www/y.html\n").settings.html_path, "/www/y.html");
  EXPECT_EQ(read("[Server]\nSetHtmlFile=none\n").settings.html_path, "");
  EXPECT_EQ(read("[Server]\nSetHtmlFile=y.html\n").problems.size(), 1U);
}

TEST(ServerSettingsTest, SaysWhyAnOptionHasNoUse) {
  const Loaded loaded = read("[Misc]\nMACType=HASH-TIGER\n");
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].kind, config::Problem::Kind::NoUse);
  EXPECT_NE(loaded.problems[0].reason.find("HMAC-SHA-256"), std::string::npos);
  EXPECT_FALSE(has_mistake(loaded.problems));
}

TEST(ServerSettingsTest, TakesTheOldTimeoutForAllKindsOfSilence) {
  const Loaded loaded = read("[Server]\nSetConnectionTimeout=20\n");
  EXPECT_EQ(loaded.settings.front.idle, std::chrono::seconds{20});
  EXPECT_EQ(loaded.settings.front.handshake, std::chrono::seconds{20});
  EXPECT_EQ(read("[Server]\nSetConnectionTimeout=0\n").settings.front.idle, Settings{}.front.idle);
}

}  // namespace
}  // namespace samhain::server
