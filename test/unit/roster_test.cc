#include "server/roster.h"

#include <gtest/gtest.h>

#include <string>

namespace samhain::server {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kSecond = 1'000'000'000;

wire::Id id_of(std::uint8_t number) {
  wire::Id id{};
  id[0] = number;
  return id;
}

Session session_of(std::uint8_t id, std::uint8_t instance) {
  Session session;
  session.id = id_of(id);
  session.instance = id_of(instance);
  return session;
}

Report report_of(EventClass event_class, std::string message, std::string path = {}) {
  Report report;
  report.event_class = event_class;
  report.fields = {{"msg", std::move(message)}};
  if (!path.empty()) report.fields.push_back({"path", std::move(path)});
  return report;
}

class RosterTest : public testing::Test {
 protected:
  RosterTest() {
    srp::Verifier verifier;
    verifier.host = kName;
    roster_.replace({{kName, verifier}});
    client_ = roster_.find(kName);
  }

  static constexpr const char* kName = "client1.example.test";
  Roster roster_;
  Client* client_ = nullptr;
};

TEST_F(RosterTest, FindsWholeNamesOnly) {
  EXPECT_NE(roster_.find("client1.example.test"), nullptr);
  EXPECT_EQ(roster_.find("client1"), nullptr);
  EXPECT_EQ(roster_.find("client1.example.test."), nullptr);
}

TEST_F(RosterTest, WelcomesTheFirstProcess) {
  EXPECT_EQ(roster_.admit(*client_, session_of(1, 1), false), Arrival::NewClient);
  EXPECT_EQ(client_->state, ClientState::Started);
  EXPECT_EQ(roster_.find_session(id_of(1)), client_);
  EXPECT_EQ(roster_.find_session(id_of(2)), nullptr);
}

TEST_F(RosterTest, CallsASecondProcessARestartWithoutExit) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2), false), Arrival::RestartWithoutExit);
  EXPECT_EQ(client_->state, ClientState::Illegal);
}

TEST_F(RosterTest, CallsAKnownProcessForced) {
  EXPECT_EQ(roster_.admit(*client_, session_of(1, 1), true), Arrival::ForcedAuthentication);
  EXPECT_EQ(client_->state, ClientState::Inactive);
}

TEST_F(RosterTest, TellsOnceThatASessionWasDisplaced) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  (void)roster_.admit(*client_, session_of(2, 2), false);
  EXPECT_EQ(roster_.find_session(id_of(1)), client_);
  EXPECT_TRUE(roster_.take_displaced(*client_, id_of(1)));
  EXPECT_FALSE(roster_.take_displaced(*client_, id_of(1)));
  EXPECT_EQ(roster_.find_session(id_of(1)), nullptr);
}

TEST_F(RosterTest, DisplacesNobodyWhenTheSameProcessComesAgain) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  (void)roster_.admit(*client_, session_of(2, 1), true);
  EXPECT_FALSE(roster_.take_displaced(*client_, id_of(1)));
}

TEST_F(RosterTest, SaysNothingOfASecondProcessBesideASuspendedOne) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  roster_.note(*client_, report_of(EventClass::Start, "SUSPEND"));
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2), false), Arrival::Quiet);
  EXPECT_FALSE(roster_.take_displaced(*client_, id_of(1)));
}

TEST_F(RosterTest, ForgetsTheConflictWhenTheSecondProcessExits) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  (void)roster_.admit(*client_, session_of(2, 2), false);
  roster_.note(*client_, report_of(EventClass::Start, "EXIT"));
  EXPECT_FALSE(roster_.take_displaced(*client_, id_of(1)));
  EXPECT_EQ(roster_.admit(*client_, session_of(3, 3), false), Arrival::NewClient);
}

TEST_F(RosterTest, ReadsTheStateFromMessageAndClassAlone) {
  const std::pair<Report, ClientState> cases[] = {
      {report_of(EventClass::Start, "START"), ClientState::Started},
      {report_of(EventClass::Start, "SUSPEND"), ClientState::Suspended},
      {report_of(EventClass::Start, "EXIT"), ClientState::Exited},
      {report_of(EventClass::Panic, "PANIC - File not accessible"), ClientState::Panic},
      {report_of(EventClass::Event, "POLICY ADDED", "/tmp/EXIT"), ClientState::Policy},
      {report_of(EventClass::Stamp, "File check completed."), ClientState::Filecheck},
      {report_of(EventClass::Err, "EXIT"), ClientState::Message},
      {report_of(EventClass::Run, "Checking", "/tmp/PANIC"), ClientState::Message}};
  for (const auto& [report, state] : cases) {
    roster_.note(*client_, report);
    EXPECT_EQ(client_->state, state) << report.message();
  }
}

TEST_F(RosterTest, KeepsSessionAndStateOfThoseWhoStay) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  srp::Verifier same;
  same.host = kName;
  roster_.replace({{kName, same}});
  ASSERT_EQ(roster_.find(kName), client_);
  EXPECT_TRUE(client_->session);
  EXPECT_EQ(client_->state, ClientState::Started);
}

TEST_F(RosterTest, EndsTheSessionOfOneWithANewPassword) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  srp::Verifier other;
  other.host = kName;
  other.v[0] = 1;
  roster_.replace({{kName, other}});
  EXPECT_FALSE(client_->session);
  EXPECT_EQ(roster_.find_session(id_of(1)), nullptr);
}

TEST_F(RosterTest, ForgetsThoseWhoWereTakenOut) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  roster_.replace({});
  EXPECT_EQ(roster_.find(kName), nullptr);
  EXPECT_EQ(roster_.find_session(id_of(1)), nullptr);
}

TEST_F(RosterTest, TellsOnceOfASilentClient) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  Roster::touch(*client_, "192.0.2.1", 100 * kSecond);
  EXPECT_TRUE(roster_.find_overdue(160 * kSecond, seconds{60}).empty());
  EXPECT_EQ(roster_.find_overdue(161 * kSecond, seconds{60}).size(), 1U);
  EXPECT_EQ(client_->state, ClientState::TimeoutExceeded);
  EXPECT_TRUE(roster_.find_overdue(200 * kSecond, seconds{60}).empty());
  Roster::touch(*client_, "192.0.2.1", 300 * kSecond);
  roster_.note(*client_, report_of(EventClass::Stamp, "---- TIMESTAMP ----"));
  EXPECT_EQ(roster_.find_overdue(400 * kSecond, seconds{60}).size(), 1U);
}

TEST_F(RosterTest, ExpectsNothingOfOneThatExitedOrNeverCame) {
  EXPECT_TRUE(roster_.find_overdue(1'000 * kSecond, seconds{60}).empty());
  (void)roster_.admit(*client_, session_of(1, 1), false);
  Roster::touch(*client_, "192.0.2.1", 100 * kSecond);
  roster_.note(*client_, report_of(EventClass::Start, "EXIT"));
  EXPECT_TRUE(roster_.find_overdue(1'000 * kSecond, seconds{60}).empty());
}

}  // namespace
}  // namespace samhain::server
