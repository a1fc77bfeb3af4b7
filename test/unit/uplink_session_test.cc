#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "crypto/random.h"
#include "uplink/session.h"
#include "uplink_support.h"
#include "wire/messages.h"

namespace samhain::uplink {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPassword = "0123456789abcdef0123456789abcdef";

/// A server in the same process: real arithmetic and real MACs behind a courier that cannot fail,
/// unless a test says how it shall.
class FakeServer final : public Transport {
 public:
  FakeServer(sys::Loop& loop, std::string_view password)
      : loop_(loop),
        verifier_(srp::make_verifier("host", password, crypto::random_array<srp::kSaltSize>())) {}

  // What goes wrong.
  bool is_down = false;
  bool is_inventive = false;  ///< each failure names another address
  bool is_refusing = false;
  bool is_silent = false;
  bool acknowledges = true;
  bool acknowledges_too_much = false;
  bool sends_commands = false;  ///< another one with each ACK
  bool proves_itself = true;
  std::optional<std::uint64_t> says_next;
  std::uint32_t lifetime_s = 7'200;

  // What was seen.
  std::map<std::uint64_t, std::string> logged;
  int connections = 0;
  int authentications = 0;
  int resumptions = 0;
  bool is_open = false;
  std::size_t most_unacknowledged = 0;

  Session* session = nullptr;

  void forget_session() { id_.reset(); }
  void drop_connection() {
    is_open = false;
    session->closed("gone");
  }
  void acknowledge(std::uint64_t seq) {
    acknowledged_ = static_cast<std::size_t>(seq);  // numbers begin with 1
    wire::Ack ack{seq, {}};
    if (sends_commands) ack.commands = {{seq, "NONSENSE"}, {seq + 1, "MORE"}};
    answer(wire::Type::Ack, wire::encode(ack));
  }

  void open() override {
    const int number = ++connections;
    loop_.soon([this, number] {
      if (number != connections) return;
      if (is_down) {
        const std::string address = is_inventive ? "host " + std::to_string(number) : "127.0.0.1";
        session->connect_failed(address, "Connection refused");
        return session->closed("no address answers");
      }
      is_open = true;
      binding_ = crypto::random_array<32>();
      session->opened(binding_);
    });
  }
  void send(wire::Type type, ByteView payload) override {
    ASSERT_TRUE(is_open);
    loop_.soon([this, type, number = connections, copy = Bytes(payload.begin(), payload.end())] {
      if (is_open && number == connections) take(type, copy);
    });
  }
  void close() override { is_open = false; }

 private:
  void answer(wire::Type type, const Bytes& payload) {
    if (!is_silent) session->received(type, payload);
  }
  void take(wire::Type type, ByteView payload) {
    if (type == wire::Type::Hello) return take_hello(payload);
    if (type == wire::Type::Proof) return take_proof(payload);
    if (type == wire::Type::Resume) return take_resume(payload);
    if (type == wire::Type::Report) return take_report(payload);
    FAIL() << "unexpected frame";
  }
  void take_hello(ByteView payload) {
    const auto hello = wire::decode_hello(payload);
    ASSERT_TRUE(hello);
    if (is_refusing) {
      return answer(wire::Type::Refused,
                    wire::encode(wire::Refused{wire::Refusal::NotRegistered, {}}));
    }
    auto challenge = srp::Server::challenge(hello->speaker, verifier_, hello->a_public);
    ASSERT_TRUE(challenge);
    server_.emplace(*std::move(challenge));
    answer(wire::Type::Challenge,
           wire::encode(wire::Challenge{verifier_.salt, server_->b_public()}));
  }
  void take_proof(ByteView payload) {
    const auto proof = wire::decode_proof(payload);
    ASSERT_TRUE(proof);
    const auto m2 = server_->check(proof->m1, binding_);
    if (!m2) {
      return answer(wire::Type::Refused,
                    wire::encode(wire::Refused{wire::Refusal::WrongProof, {}}));
    }
    ++authentications;
    id_ = crypto::random_array<16>();
    const srp::SessionKey agreed = server_->take_key();
    mac_.emplace(wire::report_key(agreed, *id_));
    wire::Accepted accepted{*m2, *id_, lifetime_s, next(), wire::kMaxMember, "client"};
    if (!proves_itself) accepted.m2[0] ^= 1;
    answer(wire::Type::Accepted, wire::encode(accepted));
  }
  void take_resume(ByteView payload) {
    const auto resume = wire::decode_resume(payload);
    ASSERT_TRUE(resume);
    if (!id_ || resume->session_id != *id_) return answer(wire::Type::Invalid, {});
    ASSERT_EQ(resume->mac, wire::resume_mac(*mac_, resume->nonce, binding_));
    ++resumptions;
    answer(wire::Type::Resumed,
           wire::encode(wire::Resumed{wire::resumed_mac(*mac_, resume->nonce, binding_), next()}));
  }
  void take_report(ByteView payload) {
    const auto report = wire::decode_report(payload);
    ASSERT_TRUE(report);
    if (!id_) return answer(wire::Type::Invalid, {});
    ASSERT_EQ(report->mac, wire::report_mac(*mac_, *id_, report->seq, report->body));
    EXPECT_EQ(logged.count(report->seq), 0U) << "sent twice";
    logged[report->seq] = as_text(report->body);
    most_unacknowledged = std::max(most_unacknowledged, logged.size() - acknowledged_);
    if (acknowledges_too_much) return acknowledge(report->seq + 100);
    if (!acknowledges) return;
    acknowledge(report->seq);
  }
  std::uint64_t next() const {
    if (says_next) return *says_next;
    return logged.empty() ? 0 : logged.rbegin()->first + 1;
  }

  sys::Loop& loop_;
  srp::Verifier verifier_;
  srp::ChannelBinding binding_{};
  std::optional<srp::Server> server_;
  std::optional<wire::Id> id_;
  std::optional<crypto::Mac> mac_;
  std::size_t acknowledged_ = 0;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() : password(*Password::from(kPassword)) {
    settings.client_name = "host";
    settings.server = "server";
    settings.port = 49'777;
    settings.first_pause = 5ms;
    settings.longest_pause = 20ms;
  }
  void start(std::string_view server_password = kPassword) {
    loop = *sys::Loop::create();
    spool = *spool::Spool::open({scratch.path() + "/spool"});
    server = std::make_unique<FakeServer>(*loop, server_password);
    session = std::make_unique<Session>(*loop, clock, *spool, *server, password, settings,
                                        [this](Report&& report) { told.push_back(report); });
    server->session = session.get();
  }
  void submit(int count, std::size_t size = 10) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(spool->append(Severity::Crit, Bytes(size, 'r')));
    }
    ASSERT_TRUE(spool->flush());
    session->wake();
  }
  bool is_delivered() {
    return run_until(*loop, [this] { return session->is_settled(); });
  }
  int times_told(std::string_view message) const {
    return static_cast<int>(std::ranges::count_if(
        told, [&](const Report& report) { return report.message() == message; }));
  }
  const Report* find_told(std::string_view message) const {
    for (const Report& report : told) {
      if (report.message() == message) return &report;
    }
    return nullptr;
  }

  ScratchDirectory scratch;
  base::SystemClock clock;
  Password password;
  Session::Settings settings;
  std::vector<Report> told;
  std::unique_ptr<sys::Loop> loop;
  std::unique_ptr<spool::Spool> spool;
  std::unique_ptr<FakeServer> server;
  std::unique_ptr<Session> session;
};

TEST_F(SessionTest, DeliversEachReportOnceAndInOrder) {
  start();
  submit(3);
  ASSERT_TRUE(is_delivered());
  submit(4);
  ASSERT_TRUE(is_delivered());
  ASSERT_EQ(server->logged.size(), 7U);
  EXPECT_EQ(server->logged.begin()->first, 1U);
  EXPECT_EQ(server->authentications, 1);
  EXPECT_EQ(times_told("Session key negotiated"), 1);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(SessionTest, SaysNothingAndOpensNothingWithoutReports) {
  start();
  session->wake();
  EXPECT_EQ(server->connections, 0);
}

TEST_F(SessionTest, KeepsAWindowOfUnacknowledgedReports) {
  start();
  server->acknowledges = false;
  submit(9'000);
  ASSERT_TRUE(run_until(*loop, [this] { return server->logged.size() >= 4'096; }));
  EXPECT_EQ(server->logged.size(), 4'096U);
  server->acknowledges = true;
  server->acknowledge(4'096);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->logged.size(), 9'000U);
  EXPECT_LE(server->most_unacknowledged, 4'096U);
}

TEST_F(SessionTest, LargeReportsFillTheWindowByTheirBytes) {
  start();
  server->acknowledges = false;
  submit(100, 100'000);
  ASSERT_TRUE(run_until(*loop, [this] { return server->logged.size() >= 10; }));
  EXPECT_LE(server->logged.size(), 11U);
}

TEST_F(SessionTest, AWrongPasswordIsToldOnceAndTriedAgain) {
  start("ffffffffffffffffffffffffffffffff");
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return server->connections >= 3; }));
  EXPECT_TRUE(server->logged.empty());
  EXPECT_TRUE(session->has_failed());
  EXPECT_EQ(times_told("Session key negotiation failed"), 1);
  EXPECT_EQ(times_told("Service failure"), 1);
  const Report* state = find_told("Invalid connection state");
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->find("expect"), "ACCEPTED");
  EXPECT_EQ(state->find("received"), "REFUSED");
}

TEST_F(SessionTest, WorksByItselfOnceTheServerKnowsUs) {
  start();
  server->is_refusing = true;
  submit(2);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_EQ(find_told("Invalid connection state")->find("expect"), "CHALLENGE");
  server->is_refusing = false;
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(times_told("Connection reestablished"), 1);
  EXPECT_FALSE(session->has_failed());
}

TEST_F(SessionTest, ARefusedConnectionNamesTheAddressAndIsTriedAgain) {
  start();
  server->is_down = true;
  submit(2);
  ASSERT_TRUE(run_until(*loop, [this] { return server->connections >= 3; }));
  EXPECT_EQ(times_told("Connection refused, address 127.0.0.1"), 1);
  const Report* refused = find_told("Connection refused, address 127.0.0.1");
  EXPECT_EQ(refused->find("subroutine"), "connect");
  EXPECT_EQ(refused->find("service"), "export");
  EXPECT_EQ(refused->find("host"), "server");
  EXPECT_EQ(times_told("Service failure"), 1);
  EXPECT_EQ(find_told("Service failure")->find("service"), "log server");

  server->is_down = false;
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->logged.size(), 2U);
  EXPECT_EQ(times_told("Connection reestablished"), 1);
}

TEST_F(SessionTest, EverNewFailuresDoNotFillTheLog) {
  settings.first_pause = settings.longest_pause = 1ms;
  start();
  server->is_down = server->is_inventive = true;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return server->connections >= 200; }));
  EXPECT_LE(told.size(), 65U) << "64 kinds, and the service failure";

  server->is_down = false;
  ASSERT_TRUE(is_delivered());
  told.clear();
  server->is_down = true;
  server->drop_connection();
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_GE(told.size(), 2U) << "after a success it speaks again";
}

TEST_F(SessionTest, CommandsInAcknowledgementsAreToldOnce) {
  start();
  server->sends_commands = true;
  submit(20);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(told.size(), 2U) << "the key, and one unexpected reply";
}

TEST_F(SessionTest, AServerThatCannotProveItselfGetsNothing) {
  start();
  server->proves_itself = false;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_TRUE(server->logged.empty());
  EXPECT_EQ(times_told("Session key negotiation failed"), 1);
  EXPECT_EQ(find_told("Invalid connection state")->find("received"), "ACCEPTED without proof");
}

TEST_F(SessionTest, AnIdleConnectionIsClosedAndResumedWithoutAuthentication) {
  settings.keep_alive = 20ms;
  start();
  submit(1);
  ASSERT_TRUE(is_delivered());
  ASSERT_TRUE(run_until(*loop, [this] { return !server->is_open; }));
  submit(1);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->authentications, 1);
  EXPECT_EQ(server->resumptions, 1);
  EXPECT_EQ(server->connections, 2);
  EXPECT_EQ(told.size(), 1U) << "only the key negotiated at first";
}

TEST_F(SessionTest, AServerThatForgotTheSessionGetsANewOneWithoutAnError) {
  settings.keep_alive = 20ms;
  start();
  submit(1);
  ASSERT_TRUE(is_delivered());
  ASSERT_TRUE(run_until(*loop, [this] { return !server->is_open; }));
  server->forget_session();
  submit(1);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->authentications, 2);
  EXPECT_EQ(times_told("Session key negotiated"), 2);
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(SessionTest, InvalidAfterAReportForgetsTheKeyAndAuthenticatesAnew) {
  start();
  submit(1);
  ASSERT_TRUE(is_delivered());
  server->forget_session();
  submit(2);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->logged.size(), 3U);
  EXPECT_EQ(server->authentications, 2);
  const Report* state = find_told("Invalid connection state");
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->find("received"), "INVALID");
  EXPECT_EQ(times_told("Session key negotiation failed"), 0);
}

TEST_F(SessionTest, ALifetimeOfNothingDoesNotMakeUsAuthenticateWithoutPause) {
  start();
  server->lifetime_s = 0;
  server->acknowledges = false;
  submit(1);
  loop->after(300ms, [this] { loop->stop(); });
  loop->run();
  EXPECT_EQ(server->authentications, 1);
}

TEST_F(SessionTest, AConnectionLostUnderReportsSendsOnlyTheRestAgain) {
  start();
  server->acknowledges = false;
  submit(5);
  ASSERT_TRUE(run_until(*loop, [this] { return server->logged.size() == 5; }));
  server->acknowledges = true;
  server->drop_connection();
  // The five are durable at the server, which says so: none of them is sent twice.
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->logged.size(), 5U);
  EXPECT_EQ(server->resumptions, 1);
}

TEST_F(SessionTest, AnAcknowledgementOfWhatWasNotSentIsNotBelieved) {
  start();
  server->acknowledges_too_much = true;
  submit(2);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_FALSE(spool->is_empty());
  EXPECT_EQ(find_told("Invalid connection state")->find("received"),
            "ACK of a report that was not sent");
}

TEST_F(SessionTest, ASilentServerIsLeftInTime) {
  settings.handshake_limit = 20ms;
  start();
  server->is_silent = true;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return server->connections >= 2; }));
  EXPECT_EQ(times_told("Session key negotiation failed"), 1);
  server->is_silent = false;
  EXPECT_TRUE(is_delivered());
}

TEST_F(SessionTest, AServerThatDoesNotAcknowledgeIsTriedAnew) {
  settings.answer_limit = 30ms;
  settings.keep_alive = 10ms;
  start();
  server->acknowledges = false;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  server->acknowledges = true;
  EXPECT_TRUE(is_delivered());
  EXPECT_EQ(server->logged.size(), 1U);
}

TEST_F(SessionTest, NumbersThatTheSpoolNeverGaveStopTheSending) {
  start();
  server->says_next = 1'000;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_FALSE(spool->is_empty()) << "a report that nobody has was forgotten";
  EXPECT_TRUE(server->logged.empty());
}

TEST_F(SessionTest, WhatTheServerHasIsForgottenAndNotSent) {
  start();
  server->says_next = 3;
  submit(4);
  ASSERT_TRUE(is_delivered());
  ASSERT_EQ(server->logged.size(), 2U);
  EXPECT_EQ(server->logged.begin()->first, 3U);
}

TEST_F(SessionTest, StoppedItNeverTriesAgain) {
  start();
  server->is_down = true;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  session->stop();
  const int connections = server->connections;
  session->wake();
  EXPECT_FALSE(server->is_open);
  EXPECT_EQ(server->connections, connections);
}

}  // namespace
}  // namespace samhain::uplink
