#include "server/roster.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "fake_clock.h"

namespace samhain::server {
namespace {

using std::chrono::seconds;

wire::Id id_of(std::uint8_t number) {
  wire::Id id{};
  id[0] = number;
  return id;
}

Session session_of(std::uint8_t id, std::uint8_t instance, std::uint8_t spool = 0) {
  Session session;
  session.id = id_of(id);
  session.instance = id_of(instance);
  session.spool = id_of(spool);
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
  void say(const char* message, EventClass event_class = EventClass::Start) {
    (void)roster_.note(*client_, report_of(event_class, message));
  }
  void hear() { roster_.touch(*client_, "192.0.2.1"); }

  test::FakeClock clock_;
  Roster roster_{clock_};
  Client* client_ = nullptr;
};

TEST_F(RosterTest, FindsWholeNamesOnly) {
  EXPECT_NE(roster_.find("client1.example.test"), nullptr);
  EXPECT_EQ(roster_.find("client1"), nullptr);
  EXPECT_EQ(roster_.find("client1.example.test."), nullptr);
}

TEST_F(RosterTest, KnowsTheAddressOfOneThatIsHereHoweverManyAnotherHad) {
  roster_.replace({{kName, client_->verifier}, {"moving", client_->verifier}});
  Client& moving = *roster_.find("moving");
  hear();
  for (std::size_t i = 0; i < Roster::kMaxAddresses; ++i) {
    roster_.touch(moving, std::to_string(i));
  }
  ASSERT_FALSE(roster_.knows_address("0"));
  hear();
  EXPECT_TRUE(roster_.knows_address("192.0.2.1"));
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
  say("SUSPEND");
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2), false), Arrival::Quiet);
  EXPECT_FALSE(roster_.take_displaced(*client_, id_of(1)));
}

TEST_F(RosterTest, ForgetsTheConflictWhenTheSecondProcessExits) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  (void)roster_.admit(*client_, session_of(2, 2), false);
  say("EXIT");
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
  (void)roster_.admit(*client_, session_of(1, 1), false);
  for (const auto& [report, state] : cases) {
    EXPECT_EQ(roster_.note(*client_, report), Arrival::Quiet);
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
  hear();
  clock_.advance(seconds{60});
  EXPECT_TRUE(roster_.find_overdue(seconds{60}).empty());
  clock_.advance(seconds{1});
  EXPECT_EQ(roster_.find_overdue(seconds{60}).size(), 1U);
  EXPECT_EQ(client_->state, ClientState::TimeoutExceeded);
  clock_.advance(seconds{100});
  EXPECT_TRUE(roster_.find_overdue(seconds{60}).empty());
  hear();
  say("---- TIMESTAMP ----", EventClass::Stamp);
  EXPECT_EQ(client_->state, ClientState::Message);
  clock_.advance(seconds{61});
  EXPECT_EQ(roster_.find_overdue(seconds{60}).size(), 1U);
}

TEST_F(RosterTest, ExpectsNothingOfOneThatExitedOrNeverCame) {
  clock_.advance(seconds{1'000});
  EXPECT_TRUE(roster_.find_overdue(seconds{60}).empty());
  (void)roster_.admit(*client_, session_of(1, 1), false);
  hear();
  say("EXIT");
  clock_.advance(seconds{1'000});
  EXPECT_TRUE(roster_.find_overdue(seconds{60}).empty());
}

TEST_F(RosterTest, ExpectsSignsOfLifeAlsoAfterAFailedAttemptAndOfASuspendedOne) {
  (void)roster_.admit(*client_, session_of(1, 1), false);
  hear();
  say("SUSPEND");
  roster_.note_failure(*client_);
  clock_.advance(seconds{61});
  EXPECT_EQ(roster_.find_overdue(seconds{60}).size(), 1U);
}

TEST_F(RosterTest, OneUnderItsNameWithoutItsPasswordDoesNotMakeItOverdueOrARestart) {
  roster_.note_failure(*client_);
  EXPECT_EQ(client_->state, ClientState::Failed);
  clock_.advance(seconds{1'000});
  EXPECT_TRUE(roster_.find_overdue(seconds{60}).empty());
  EXPECT_EQ(roster_.admit(*client_, session_of(1, 1), false), Arrival::NewClient);
  roster_.note_failure(*client_);
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2), false), Arrival::RestartWithoutExit);
}

// --- the table of transitions
// ---------------------------------------------------------------------

struct Step {
  enum Kind { Admit, Known, Say, Transfer, Failure, Silence } kind;
  std::string message = {};
  std::uint8_t process = 1;
};

struct Row {
  const char* name;
  std::vector<Step> before;
  Step event;
  ClientState state;
  Arrival told;
};

/// Every process has a spool of its own, as a second one beside the first must.
Arrival take(Roster& roster, Client& client, test::FakeClock& clock, const Step& step) {
  static std::uint8_t last_session = 0;
  const auto session = [&] { return session_of(++last_session, step.process, step.process); };
  Arrival told = Arrival::Quiet;
  switch (step.kind) {
    case Step::Admit:
      told = roster.admit(client, session(), false);
      break;
    case Step::Known:
      told = roster.admit(client, session(), true);
      break;
    case Step::Say: {
      const auto event_class = step.message.starts_with("POLICY")       ? EventClass::Event
                               : step.message.starts_with("PANIC")      ? EventClass::Panic
                               : step.message.starts_with("File check") ? EventClass::Stamp
                                                                        : EventClass::Start;
      told = roster.note(client, report_of(event_class, step.message));
      break;
    }
    case Step::Transfer:
      roster.note_transfer(client);
      break;
    case Step::Failure:
      roster.note_failure(client);
      return told;
    case Step::Silence:
      clock.advance(seconds{61});
      (void)roster.find_overdue(seconds{60});
      return told;
  }
  roster.touch(client, "192.0.2.1");
  return told;
}

const Step kAdmit{Step::Admit};
const Step kSecond{Step::Admit, {}, 2};
const Step kKnown{Step::Known};
const Step kTransfer{Step::Transfer};
const Step kFailure{Step::Failure};
const Step kSilence{Step::Silence};
Step says(std::string message) { return {Step::Say, std::move(message)}; }

const std::vector<Row>& rows() {
  using S = ClientState;
  using A = Arrival;
  static const std::vector<Row> table = {
      {"Inactive authenticates", {}, kAdmit, S::Started, A::NewClient},
      {"Exited authenticates", {kAdmit, says("EXIT")}, kSecond, S::Started, A::NewClient},
      {"Suspended, another", {kAdmit, says("SUSPEND")}, kSecond, S::Suspended, A::Quiet},
      {"Started, another", {kAdmit}, kSecond, S::Illegal, A::RestartWithoutExit},
      {"Message, another", {kAdmit, says("x")}, kSecond, S::Illegal, A::RestartWithoutExit},
      {"Filecheck, another",
       {kAdmit, says("File check completed.")},
       kSecond,
       S::Illegal,
       A::RestartWithoutExit},
      {"POLICY, another",
       {kAdmit, says("POLICY ADDED")},
       kSecond,
       S::Illegal,
       A::RestartWithoutExit},
      {"PANIC, another", {kAdmit, says("PANIC")}, kSecond, S::Illegal, A::RestartWithoutExit},
      {"File_transfer, another", {kAdmit, kTransfer}, kSecond, S::Illegal, A::RestartWithoutExit},
      {"FAILED, another", {kAdmit, kFailure}, kSecond, S::Illegal, A::RestartWithoutExit},
      {"overdue, another", {kAdmit, kSilence}, kSecond, S::Illegal, A::RestartWithoutExit},
      {"Inactive, forced", {}, kKnown, S::Inactive, A::ForcedAuthentication},
      {"POLICY, forced", {kAdmit, says("POLICY X")}, kKnown, S::Policy, A::ForcedAuthentication},
      {"Exited, forced", {kAdmit, says("EXIT")}, kKnown, S::Exited, A::ForcedAuthentication},
      {"START", {kAdmit, says("x")}, says("START"), S::Started, A::Quiet},
      {"START beside a suspended one",
       {kAdmit, says("SUSPEND"), kSecond},
       says("START"),
       S::Started,
       A::Quiet},
      {"EXIT", {kAdmit}, says("EXIT"), S::Exited, A::Quiet},
      {"EXIT beside a suspended one",
       {kAdmit, says("SUSPEND"), kSecond, says("START")},
       says("EXIT"),
       S::Suspended,
       A::Quiet},
      {"a third beside a suspended one and another",
       {kAdmit, says("SUSPEND"), kSecond, says("START")},
       {Step::Admit, {}, 3},
       S::Illegal,
       A::RestartWithoutExit},
      {"a third when the second exited",
       {kAdmit, says("SUSPEND"), kSecond, says("START"), says("EXIT")},
       {Step::Admit, {}, 3},
       S::Suspended,
       A::Quiet},
      {"SUSPEND", {kAdmit}, says("SUSPEND"), S::Suspended, A::Quiet},
      {"the suspended one speaks",
       {kAdmit, says("SUSPEND"), kKnown},
       says("x"),
       S::Message,
       A::Quiet},
      {"transfer, Suspended", {kAdmit, says("SUSPEND")}, kTransfer, S::Suspended, A::Quiet},
      {"transfer, overdue", {kAdmit, kSilence}, kTransfer, S::TimeoutExceeded, A::Quiet},
      {"transfer, Started", {kAdmit}, kTransfer, S::FileTransfer, A::Quiet},
      {"silence", {kAdmit}, kSilence, S::TimeoutExceeded, A::Quiet},
      {"silence, suspended", {kAdmit, says("SUSPEND")}, kSilence, S::TimeoutExceeded, A::Quiet},
      {"silence, Exited", {kAdmit, says("EXIT")}, kSilence, S::Exited, A::Quiet},
      {"silence, Inactive", {}, kSilence, S::Inactive, A::Quiet},
      {"failure, Inactive", {}, kFailure, S::Failed, A::Quiet},
      {"failure, POLICY", {kAdmit, says("POLICY X")}, kFailure, S::Failed, A::Quiet}};
  return table;
}

class TransitionTest : public testing::TestWithParam<Row> {};

TEST_P(TransitionTest, HasTheStateAndTheWordsOfTheTable) {
  const Row& row = GetParam();
  test::FakeClock clock;
  Roster roster(clock);
  srp::Verifier verifier;
  verifier.host = "client1.example.test";
  roster.replace({{verifier.host, verifier}});
  Client& client = *roster.find(verifier.host);
  for (const Step& step : row.before) {
    (void)take(roster, client, clock, step);
    clock.advance(seconds{1});
  }
  const Arrival told = take(roster, client, clock, row.event);
  EXPECT_EQ(word(client.state), word(row.state)) << row.name;
  EXPECT_EQ(told, row.told) << row.name;
}

INSTANTIATE_TEST_SUITE_P(All, TransitionTest, testing::ValuesIn(rows()));

// --- a new process that has the spool of a dead one ---------------------------------------------

TEST_F(RosterTest, WaitsForTheExitThatLiesInTheSpool) {
  (void)roster_.admit(*client_, session_of(1, 1, 9), false);
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2, 9), false), Arrival::Quiet);
  EXPECT_FALSE(roster_.take_displaced(*client_, id_of(1)));
  const Report policy = report_of(EventClass::Event, "POLICY ADDED");
  EXPECT_EQ(roster_.note(*client_, policy), Arrival::Quiet);
  EXPECT_EQ(roster_.note(*client_, report_of(EventClass::Start, "EXIT")), Arrival::Quiet);
  EXPECT_EQ(roster_.note(*client_, report_of(EventClass::Start, "START")), Arrival::NewClient);
  EXPECT_EQ(client_->state, ClientState::Started);
  EXPECT_TRUE(client_->is_up);
}

TEST_F(RosterTest, CallsItARestartWhereTheSpoolHoldsNoExit) {
  (void)roster_.admit(*client_, session_of(1, 1, 9), false);
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2, 9), false), Arrival::Quiet);
  const Report start = report_of(EventClass::Start, "START");
  EXPECT_EQ(roster_.note(*client_, start), Arrival::RestartWithoutExit);
  EXPECT_EQ(roster_.note(*client_, start), Arrival::Quiet);
  EXPECT_NE(client_->reached_ns[static_cast<std::size_t>(ClientState::Illegal)], 0);
}

TEST_F(RosterTest, ASuspendedProcessLeavesItsSpoolToAnother) {
  (void)roster_.admit(*client_, session_of(1, 1, 9), false);
  say("SUSPEND");
  EXPECT_EQ(roster_.admit(*client_, session_of(2, 2, 9), false), Arrival::Quiet);
  EXPECT_EQ(roster_.note(*client_, report_of(EventClass::Start, "START")), Arrival::Quiet);
  say("EXIT");
  EXPECT_EQ(client_->state, ClientState::Suspended);
  EXPECT_EQ(roster_.admit(*client_, session_of(3, 1, 9), true), Arrival::ForcedAuthentication);
}

TEST_F(RosterTest, KeepsTheTimeOfTheNewestEventOfEachKind) {
  const auto reached = [this](ClientState state) {
    return client_->reached_ns[static_cast<std::size_t>(state)];
  };
  (void)roster_.admit(*client_, session_of(1, 1), false);
  const std::int64_t first = clock_.now_ns();
  say("POLICY ADDED", EventClass::Event);
  clock_.advance(seconds{5});
  say("POLICY ADDED", EventClass::Event);
  EXPECT_EQ(reached(ClientState::Started), first);
  EXPECT_EQ(reached(ClientState::Policy), first + 5'000'000'000);
  EXPECT_EQ(reached(ClientState::Exited), 0);
}

}  // namespace
}  // namespace samhain::server
