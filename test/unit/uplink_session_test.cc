#include <gtest/gtest.h>

#include "uplink_fake_server.h"

namespace samhain::uplink {
namespace {

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

TEST_F(SessionTest, AConnectionThatEndsBeforeItsFirstAnswerIsToldAsAResetEachTimeTheSame) {
  start();
  server->is_closing = true;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_EQ(times_told("Connection reset by peer"), 1);
  const Report* error = find_told("Connection error: Connection reset by peer");
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->find("subroutine"), "read_port");
  EXPECT_EQ(find_told("Invalid connection state")->find("expect"), "TLS");
  EXPECT_EQ(times_told("Session key negotiation failed"), 1);

  server->is_closing = false;
  ASSERT_TRUE(is_delivered());
}

TEST_F(SessionTest, CommandsInAcknowledgementsAreToldOnce) {
  start();
  server->sends_commands = true;
  submit(20);
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(told.size(), 2U) << "the key, and one unexpected reply";
}

TEST_F(SessionTest, CommandsGoToWhoeverWantsThem) {
  start();
  std::vector<wire::Command> taken;
  session->on_commands([&taken](const auto& commands) { taken = commands; });
  server->sends_commands = true;
  submit(1);
  ASSERT_TRUE(is_delivered());
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[1].words, "MORE");
  EXPECT_EQ(times_told("Unexpected reply"), 0);
}

TEST_F(SessionTest, CommandsThatTheServerDidNotSignAreNotPassedOn) {
  start();
  std::vector<wire::Command> taken;
  session->on_commands([&taken](const auto& commands) { taken = commands; });
  server->sends_commands = true;
  server->signs_commands = false;
  submit(1);
  ASSERT_TRUE(run_until(*loop, [this] { return session->has_failed(); }));
  EXPECT_TRUE(taken.empty());
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
