#include <gtest/gtest.h>

#include <array>

#include "uplink_fake_server.h"

namespace samhain::uplink {
namespace {

/// Two servers behind one courier.
class FakePair final : public Transport {
 public:
  explicit FakePair(sys::Loop& loop) : servers{FakeServer{loop, kPassword}, {loop, kPassword}} {}
  void use(Session& session) {
    for (FakeServer& server : servers) server.session = &session;
  }
  void open(std::size_t server) override {
    at = server;
    servers.at(at).open(at);
  }
  void send(wire::Type type, ByteView payload) override { servers.at(at).send(type, payload); }
  void close() override { servers.at(at).close(); }

  std::array<FakeServer, 2> servers;
  std::size_t at = 0;
};

class ServersTest : public SessionTest {
 protected:
  void begin() {
    settings.first_return = settings.return_pause = 30ms;
    start_pair();
  }
  void start_pair() {
    settings.second_server = "second";
    start();
    pair = std::make_unique<FakePair>(*loop);
    session = std::make_unique<Session>(*loop, clock, spool.get(), *pair, password, settings,
                                        [this](Report&& report) { told.push_back(report); });
    pair->use(*session);
  }
  FakeServer& first() { return pair->servers[0]; }
  FakeServer& second() { return pair->servers[1]; }
  void TearDown() override { session.reset(); }

  std::unique_ptr<FakePair> pair;
};

TEST_F(ServersTest, TheFirstServesAsLongAsItAnswers) {
  begin();
  submit(3);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(first().logged.size(), 3U);
  EXPECT_EQ(second().connections, 0);
}

TEST_F(ServersTest, TheSecondTakesOverAtOnceAndNoServiceFails) {
  begin();
  first().is_down = true;
  submit(3);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(second().logged.size(), 3U);
  EXPECT_FALSE(session->has_failed());
  EXPECT_EQ(times_told("Connection refused, address 127.0.0.1"), 1);
  EXPECT_EQ(find_told("Connection refused, address 127.0.0.1")->find("host"), "server");
  EXPECT_EQ(times_told("Service failure"), 0);
}

TEST_F(ServersTest, ItGoesBackToTheFirstByItself) {
  begin();
  first().is_down = true;
  submit(2);
  ASSERT_TRUE(is_delivered());
  first().is_down = false;
  ASSERT_TRUE(run_until(*loop, [this] { return first().authentications == 1; }));
  submit(2);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(first().logged.size(), 2U);
  EXPECT_EQ(second().logged.size(), 2U);
  EXPECT_EQ(times_told("Connection reestablished"), 1);
}

TEST_F(ServersTest, BeforeItGoesBackWhatTheSecondHasIsSettledAndItGetsNoMore) {
  begin();
  first().is_down = true;
  second().acknowledges = false;
  submit(2);
  ASSERT_TRUE(run_until(*loop, [this] { return second().logged.size() == 2; }));
  first().is_down = false;
  const auto due = clock.steady() + 2 * settings.return_pause;
  ASSERT_TRUE(run_until(*loop, [&] { return clock.steady() > due; }));
  submit(3);
  second().acknowledge(2);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(second().logged.size(), 2U);
  EXPECT_EQ(first().logged.size(), 3U);
  EXPECT_EQ(first().logged.begin()->first, 3U);
}

TEST_F(ServersTest, AFirstThatStaysAwayIsAskedLessAndLessOften) {
  settings.first_return = 10ms;
  settings.return_pause = 10s;
  start_pair();
  first().is_down = true;
  submit(1);
  const auto began = clock.steady();
  ASSERT_TRUE(run_until(*loop, [this] { return first().connections >= 5; }));
  EXPECT_GE(clock.steady() - began, 10ms + 20ms + 40ms + 80ms);
}

TEST_F(ServersTest, WhileTheFirstStaysAwayTheSecondsSessionIsResumedAndNothingRepeated) {
  begin();
  first().is_down = true;
  submit(2);
  ASSERT_TRUE(run_until(*loop, [this] { return first().connections >= 4; }));
  submit(2);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(second().authentications, 1);
  EXPECT_EQ(second().logged.size(), 4U);
  EXPECT_EQ(times_told("Connection refused, address 127.0.0.1"), 1);
  EXPECT_EQ(times_told("Session key negotiated"), 1);
}

TEST_F(ServersTest, NothingIsLostAndNothingTwiceOnEitherAcrossTheSwitch) {
  begin();
  first().acknowledges = false;
  submit(3);  // logged, and never acknowledged
  ASSERT_TRUE(run_until(*loop, [this] { return first().logged.size() == 3; }));
  first().is_down = true;
  first().drop_connection();
  submit(2);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(second().logged.size(), 5U) << "the first cannot say that it has three of them";
  first().is_down = false;
  first().acknowledges = true;
  ASSERT_TRUE(run_until(*loop, [this] { return pair->at == 0 && first().is_open; }));
  submit(2);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(first().logged.size(), 5U);
  EXPECT_EQ(first().logged.rbegin()->first, 7U);
  EXPECT_EQ(second().logged.size(), 5U);
}

TEST_F(ServersTest, WithBothAwayItPausesAndBeginsWithTheFirst) {
  begin();
  first().is_down = second().is_down = true;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return second().connections >= 3; }));
  EXPECT_TRUE(session->has_failed());
  EXPECT_EQ(times_told("Service failure"), 1);
  first().is_down = false;
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(first().logged.size(), 1U);
}

TEST_F(ServersTest, AFileComesFromTheSecondWhereTheFirstDoesNotAnswer) {
  begin();
  first().is_down = true;
  second().files[wire::FileKind::Configuration] = "text";
  std::optional<Fetched> fetched;
  Wanted wanted;
  wanted.limit_bytes = 100;
  session->get(std::move(wanted), [&](Fetched&& one) { fetched.emplace(std::move(one)); });
  ASSERT_TRUE(run_until(*loop, [&] { return fetched.has_value(); }));
  EXPECT_EQ(fetched->kind, Fetched::Kind::Received);
}

}  // namespace
}  // namespace samhain::uplink
