#include <gtest/gtest.h>

#include "uplink/requests.h"

namespace samhain::uplink {
namespace {

sys::Address address(std::string_view text) { return *sys::Address::parse(text, 49'777); }

const sys::Rule* rule_of(std::span<const sys::Rule> rules, std::uint16_t kind) {
  for (const sys::Rule& rule : rules) {
    if (rule.kind == kind) return &rule;
  }
  return nullptr;
}

/// Every message that is encoded must pass the table of the one who receives it.
bool fits(std::span<const sys::Rule> rules, std::uint16_t kind, const Bytes& payload) {
  const sys::Rule* rule = rule_of(rules, kind);
  return rule != nullptr && payload.size() >= rule->min_size && payload.size() <= rule->max_size;
}

TEST(RequestsTest, ConnectComesBackAsItWas) {
  const Connect message{7, {address("127.0.0.1"), address("::1")}, address("127.0.0.2"), "server"};
  const Bytes payload = encode(message);
  EXPECT_TRUE(fits(rules_for_courier(), kConnect, payload));
  const auto back = decode_connect(payload);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->connection, 7U);
  ASSERT_EQ(back->targets.size(), 2U);
  EXPECT_EQ(back->targets[1].text(), "::1");
  EXPECT_EQ(back->targets[1].port(), 49'777);
  EXPECT_EQ(back->source->text(), "127.0.0.2");
  EXPECT_EQ(back->server_name, "server");
}

TEST(RequestsTest, TheLargestMessagesFitTheTables) {
  Connect connect{1, std::vector<sys::Address>(100, address("::1")), address("::1"),
                  std::string(300, 'a')};
  EXPECT_TRUE(fits(rules_for_courier(), kConnect, encode(connect)));
  const Bytes body(wire::kMaxMember, 1);
  EXPECT_TRUE(fits(rules_for_courier(), kSend, encode(Envelope{1, wire::Type::Report, body})));
  const Closed closed{1, 5, std::string(9'999, 'x')};
  EXPECT_TRUE(fits(rules_from_courier(), kClosed, encode(closed)));
  EXPECT_TRUE(fits(rules_from_courier(), kTaken, encode(Taken{UINT32_MAX, 16})));
  const ConnectFailed failed{1, std::string(9'999, 'x'), 5};
  EXPECT_TRUE(fits(rules_from_courier(), kConnectFailed, encode(failed)));
  EXPECT_TRUE(fits(rules_from_courier(), kOpened, encode(Opened{})));
  const Resolved resolved{std::string(253, 'a'), std::vector<sys::Address>(100, address("::1")),
                          std::string(9'999, 'x')};
  EXPECT_TRUE(fits(rules_from_resolver(), kResolved, encode(resolved)));
}

TEST(RequestsTest, AFrameLongerThanAnyAnswerIsNotAccepted) {
  const Bytes body(kMaxAnswer + 1, 1);
  EXPECT_FALSE(fits(rules_from_courier(), kReceived, encode(Envelope{1, wire::Type::Ack, body})));
}

TEST(RequestsTest, EveryShortenedMessageIsMalformed) {
  const auto refuses_all_cuts = [](const Bytes& whole, const auto& decode) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(decode(ByteView{whole}.first(size))) << size;
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(decode(longer));
    EXPECT_TRUE(decode(whole));
  };
  refuses_all_cuts(encode(Connect{1, {address("::1")}, std::nullopt, "server"}), decode_connect);
  refuses_all_cuts(encode(ConnectFailed{1, "::1", 2}), decode_connect_failed);
  refuses_all_cuts(encode(Opened{1, {}}), decode_opened);
  refuses_all_cuts(encode(Closed{1, 2, "gone"}), decode_closed);
  refuses_all_cuts(encode(Taken{1, 2}), decode_taken);
  refuses_all_cuts(encode(Resolved{"host", {address("::1")}, ""}), decode_resolved);
  refuses_all_cuts(encode(Question{"host", 1}), decode_question);
  refuses_all_cuts(encode_close(3), decode_close);
}

TEST(RequestsTest, SenselessContentIsMalformed) {
  EXPECT_FALSE(decode_connect(encode(Connect{1, {}, std::nullopt, "server"})));
  EXPECT_FALSE(decode_resolved(encode(Resolved{"", {}, ""})));
  EXPECT_FALSE(decode_envelope(encode(Envelope{1, static_cast<wire::Type>(0), {}})));
  EXPECT_FALSE(decode_envelope(encode(Envelope{1, static_cast<wire::Type>(200), {}})));
}

TEST(RequestsTest, AChildCannotWriteToTheTerminal) {
  const auto closed = decode_closed(encode(Closed{1, 0, "\x1b[2J\n"}));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->text, "\\033[2J\\012");
}

}  // namespace
}  // namespace samhain::uplink
