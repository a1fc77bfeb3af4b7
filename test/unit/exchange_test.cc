#include "srp/exchange.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "crypto/mac.h"
#include "crypto/random.h"
#include "srp/group.h"

namespace samhain::srp {
namespace {

constexpr std::string_view kPassword = "0123456789abcdef0123456789abcdef";

Number prime_bytes() {
  Number number{};
  crypto::write_bytes(*group_3072().prime, number);
  return number;
}

/// Both ends of one authentication; a test bends one of them.
struct Ends {
  Speaker speaker{"client1.example.test", crypto::random_array<16>(), crypto::random_array<16>()};
  Speaker seen_by_server = speaker;
  Verifier verifier = make_verifier("client1.example.test", kPassword, crypto::random_array<16>());
  std::string password{kPassword};
  ChannelBinding binding = crypto::random_array<32>();
  ChannelBinding binding_of_server = binding;
  std::function<void(Proof&)> change_m1 = [](Proof&) {};

  /// Runs the exchange up to the server's answer.
  Result<Proof> run(Client& client) {
    auto server = Server::challenge(seen_by_server, verifier, client.a_public());
    if (!server) return server.error();
    auto m1 = client.prove(password, verifier.salt, server->b_public(), binding);
    if (!m1) return m1.error();
    change_m1(*m1);
    auto m2 = server->check(*m1, binding_of_server);
    if (m2) server_key = server->take_key();
    return m2;
  }
  Result<Proof> run() {
    Client client{speaker};
    return run(client);
  }
  SessionKey server_key{};
};

TEST(Exchange, GivesBothEndsTheSameKey) {
  Ends ends;
  Client client{ends.speaker};
  const auto m2 = ends.run(client);
  ASSERT_TRUE(m2) << m2.error().text();
  EXPECT_TRUE(client.is_server_proof(*m2));
  EXPECT_TRUE(crypto::equal_secrets(client.take_key().span(), ends.server_key.span()));
}

TEST(Exchange, GivesAnotherKeyEachTime) {
  Ends ends;
  ASSERT_TRUE(ends.run());
  const SessionKey first = std::move(ends.server_key);
  ASSERT_TRUE(ends.run());
  EXPECT_FALSE(crypto::equal_secrets(first.span(), ends.server_key.span()));
}

TEST(Exchange, TakesThePasswordInEitherCase) {
  Ends ends;
  ends.password = "0123456789ABCDEF0123456789ABCDEF";
  EXPECT_TRUE(ends.run());
}

void expect_refused(Ends& ends, const char* what) {
  const auto m2 = ends.run();
  ASSERT_FALSE(m2) << what;
  EXPECT_EQ(m2.error().kind, Error::Kind::Refused) << what;
}

TEST(Exchange, RefusesWhoDoesNotKnowThePassword) {
  Ends ends;
  ends.password.back() = '0';
  expect_refused(ends, "password");
}

TEST(Exchange, RefusesAManInTheMiddleOfTheChannel) {
  Ends ends;
  ends.binding_of_server[31] ^= 1;
  expect_refused(ends, "channel binding");
}

TEST(Exchange, RefusesAnExchangedNameInstanceOrSpool) {
  Ends name;
  name.seen_by_server.name = "client2.example.test";
  expect_refused(name, "name");
  Ends instance;
  instance.seen_by_server.instance_id[0] ^= 1;
  expect_refused(instance, "instance");
  Ends spool;
  spool.seen_by_server.spool_id[15] ^= 0x80;
  expect_refused(spool, "spool");
}

TEST(Exchange, RefusesAProofWithAnyBitFlipped) {
  for (std::size_t i = 0; i < 32; i += 5) {
    Ends ends;
    ends.change_m1 = [i](Proof& m1) { m1[i] ^= 4; };
    expect_refused(ends, "M1");
  }
}

TEST(Client, DoesNotBelieveAServerWithoutTheVerifier) {
  Ends ends;
  Client client{ends.speaker};
  EXPECT_FALSE(client.is_server_proof(Proof{}));  // nothing was agreed on yet
  auto m2 = ends.run(client);
  ASSERT_TRUE(m2);
  Proof wrong = *m2;
  wrong[7] ^= 1;
  EXPECT_FALSE(client.is_server_proof(wrong));
  EXPECT_TRUE(client.is_server_proof(*m2));
}

TEST(Client, RefusesAPublicNumberThatIsZeroModuloN) {
  Client client{Ends{}.speaker};
  for (const Number& b_public : {Number{}, prime_bytes()}) {
    const auto m1 = client.prove(kPassword, Salt{}, b_public, ChannelBinding{});
    ASSERT_FALSE(m1);
    EXPECT_EQ(m1.error().kind, Error::Kind::Refused);
  }
}

TEST(Server, RefusesAPublicNumberThatIsZeroModuloN) {
  const Ends ends;
  for (const Number& a_public : {Number{}, prime_bytes()}) {
    const auto server = Server::challenge(ends.speaker, ends.verifier, a_public);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().kind, Error::Kind::Refused);
  }
}

TEST(Server, TakesOneGuessForEachChallenge) {
  Ends ends;
  Client client{ends.speaker};
  auto server = Server::challenge(ends.speaker, ends.verifier, client.a_public());
  ASSERT_TRUE(server);
  const auto m1 = client.prove(kPassword, ends.verifier.salt, server->b_public(), ends.binding);
  ASSERT_TRUE(m1);
  EXPECT_FALSE(server->check(Proof{}, ends.binding));
  EXPECT_FALSE(server->check(*m1, ends.binding)) << "the right proof, but too late";
}

}  // namespace
}  // namespace samhain::srp
