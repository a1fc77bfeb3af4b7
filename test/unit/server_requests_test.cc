#include <gtest/gtest.h>

#include <algorithm>

#include "server/requests.h"

namespace samhain::server {
namespace {

constexpr ConnectionId kConnection = 0x0123456789ABCDEF;

/// The size that the table demands, or nothing for a kind that it does not list.
template <std::size_t N>
bool allows(const std::array<sys::Rule, N>& rules, std::uint16_t kind, const Bytes& message) {
  return std::any_of(rules.begin(), rules.end(), [&](const sys::Rule& rule) {
    return rule.kind == kind && message.size() >= rule.min_size && message.size() <= rule.max_size;
  });
}

Begin sample_begin() {
  Begin begin;
  begin.connection = kConnection;
  begin.speaker.name = "client1.example.test";
  begin.speaker.instance_id.fill(1);
  begin.speaker.spool_id.fill(2);
  begin.salt.fill(3);
  begin.v.fill(4);
  begin.a_public.fill(5);
  return begin;
}

TEST(ServerRequestsTest, BringsABeginThroughTheTable) {
  const Begin begin = sample_begin();
  const Bytes message = encode(begin);
  EXPECT_TRUE(allows(kToGate, kBegin, message));
  const auto back = decode_begin(message);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->connection, begin.connection);
  EXPECT_EQ(back->speaker.name, begin.speaker.name);
  EXPECT_EQ(back->speaker.spool_id, begin.speaker.spool_id);
  EXPECT_EQ(back->v, begin.v);
  EXPECT_EQ(back->a_public, begin.a_public);
}

TEST(ServerRequestsTest, RefusesAnyBeginThatIsShortOrLong) {
  Bytes message = encode(sample_begin());
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_FALSE(decode_begin(ByteView{message}.first(size))) << size;
  }
  message.push_back(0);
  EXPECT_FALSE(decode_begin(message));
}

TEST(ServerRequestsTest, BringsAProofAndItsBindingThroughTheTables) {
  srp::ChannelBinding binding;
  binding.fill(7);
  const Bytes body(32, 9);
  const Bytes message = encode_bound(kConnection, binding, body);
  EXPECT_TRUE(allows(kFromFront, kProof, message));
  const auto bound = decode_bound(message);
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->binding, binding);
  EXPECT_TRUE(std::ranges::equal(bound->body, body));
  EXPECT_FALSE(decode_bound(ByteView{message}.first(39)));

  Prove prove;
  prove.connection = kConnection;
  prove.m1.fill(9);
  prove.binding = binding;
  const Bytes to_gate = encode(prove);
  EXPECT_TRUE(allows(kToGate, kProve, to_gate));
  const auto back = decode_prove(to_gate);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->m1, prove.m1);
}

TEST(ServerRequestsTest, RepliesOnlyWithWhatAServerSends) {
  const Bytes payload = {1, 2, 3};
  const Bytes good = encode(Reply{kConnection, wire::Type::Refused, true, payload});
  EXPECT_TRUE(allows(kToFront, kReply, good));
  const auto reply = decode_reply(good);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->is_last);
  EXPECT_EQ(reply->type, wire::Type::Refused);
  EXPECT_TRUE(std::ranges::equal(reply->payload, payload));
  EXPECT_FALSE(decode_reply(encode(Reply{kConnection, wire::Type::Hello, true, payload})));
}

TEST(ServerRequestsTest, BringsFilesThroughTheTables) {
  Delivery delivery;
  delivery.connection = kConnection;
  delivery.file.size = 1ULL << 31;
  delivery.file.sha256.fill(1);
  delivery.mac.fill(2);
  const Bytes message = encode(delivery);
  EXPECT_TRUE(allows(kToFront, kFile, message));
  const auto back = decode_delivery(message);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->file.size, delivery.file.size);
  EXPECT_EQ(back->file.sha256, delivery.file.sha256);
  EXPECT_EQ(back->mac, delivery.mac);
  EXPECT_FALSE(decode_delivery(ByteView{message}.first(message.size() - 1)));

  PutEnd end;
  end.connection = kConnection;
  end.is_whole = true;
  end.mac.fill(3);
  const Bytes told = encode(end);
  EXPECT_TRUE(allows(kFromFront, kPutEnd, told));
  const auto read = decode_put_end(told);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->is_whole);
  EXPECT_EQ(read->mac, end.mac);
  EXPECT_FALSE(decode_put_end(ByteView{told}.first(told.size() - 1)));
}

TEST(ServerRequestsTest, PassesEveryGetAndPutOfTheProtocol) {
  wire::Get get;
  EXPECT_TRUE(allows(kFromFront, kGet, encode_about(kConnection, wire::encode(get))));
  get.kind = wire::FileKind::Delta;
  get.delta = std::string(wire::kUuidSize, '0');
  EXPECT_TRUE(allows(kFromFront, kGet, encode_about(kConnection, wire::encode(get))));
  EXPECT_TRUE(allows(kFromFront, kPut, encode_about(kConnection, wire::encode(wire::Put{}))));
}

TEST(ServerRequestsTest, CutsALongReasonToWhatTheTableTakes) {
  const Bytes message = encode(Complaint{kConnection, std::string(10'000, 'x')});
  EXPECT_TRUE(allows(kFromFront, kViolation, message));
  const auto complaint = decode_complaint(message);
  ASSERT_TRUE(complaint);
  EXPECT_EQ(complaint->reason.size(), kMaxReason);
}

TEST(ServerRequestsTest, BringsNamesThroughTheTables) {
  const Bytes question = encode(LookUp{17, "192.0.2.1", "client1.example.test"});
  EXPECT_TRUE(allows(kToResolver, kLookUp, question));
  const auto look_up = decode_look_up(question);
  ASSERT_TRUE(look_up);
  EXPECT_EQ(look_up->address, "192.0.2.1");
  EXPECT_EQ(look_up->claim, "client1.example.test");

  NameFacts facts;
  facts.claim_resolves = true;
  facts.claim_matches = true;
  facts.peer_name = "other.example.test";
  const Bytes answer = encode(17, facts);
  EXPECT_TRUE(allows(kFromResolver, kNames, answer));
  EXPECT_TRUE(allows(kFromResolver, kNames, encode(17, NameFacts{})));
  const auto names = decode_names(answer);
  ASSERT_TRUE(names);
  EXPECT_EQ(names->request, 17U);
  EXPECT_TRUE(names->facts.claim_resolves);
  EXPECT_FALSE(names->facts.peer_confirmed);
  EXPECT_TRUE(names->facts.claim_matches);
  EXPECT_EQ(names->facts.peer_name, "other.example.test");
  EXPECT_FALSE(decode_names(ByteView{answer}.first(answer.size() - 1)));
}

TEST(ServerRequestsTest, BringsTheTimeOutsToTheFront) {
  const FrontSetUp set_up{
      {std::chrono::seconds{1}, std::chrono::seconds{2}, std::chrono::seconds{3}},
      {"chain", "key"}};
  const Bytes payload = encode(set_up);
  const auto back = decode_front_set_up(payload);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->settings.handshake, set_up.settings.handshake);
  EXPECT_EQ(back->settings.idle, set_up.settings.idle);
  EXPECT_EQ(back->settings.frame, set_up.settings.frame);
  EXPECT_EQ(back->certificate.chain, "chain");
  EXPECT_EQ(back->certificate.key, "key");
  EXPECT_FALSE(decode_front_set_up(ByteView{payload}.first(payload.size() - 1)));
}

}  // namespace
}  // namespace samhain::server
