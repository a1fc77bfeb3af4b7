#include "wire/messages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <string>

#include "base/codec.h"
#include "base/hex.h"
#include "crypto/random.h"
#include "srp_vectors.h"
#include "wire/files.h"
#include "wire/frame.h"

namespace samhain::wire {
namespace {

Hello hello_example() {
  Hello hello;
  hello.speaker.name = "h\xc3\xb6st.example";
  hello.speaker.instance_id = crypto::random_array<16>();
  hello.speaker.spool_id = crypto::random_array<16>();
  hello.a_public = crypto::random_array<srp::kNumberSize>();
  return hello;
}

const std::string kUuid = "01234567-89ab-cdef-0123-456789ABCDEF";

/// One valid payload of each message, and its decoder followed by its encoder.
struct Kind {
  const char* name;
  Bytes payload;
  std::function<Result<Bytes>(ByteView)> again;
};

template <class Decode>
Kind kind(const char* name, Bytes payload, Decode decode) {
  return {name, std::move(payload), [decode](ByteView bytes) -> Result<Bytes> {
            auto message = decode(bytes);
            if (!message) return message.error();
            return encode(*message);
          }};
}

std::vector<Kind> all_kinds() {
  static const std::string body = "a report's body";
  return {
      kind("HELLO", encode(hello_example()), decode_hello),
      kind("CHALLENGE", encode(Challenge{srp::Salt{1}, srp::Number{2}}), decode_challenge),
      kind("PROOF", encode(Proof{srp::Proof{3}}), decode_proof),
      kind("ACCEPTED",
           encode(Accepted{srp::Proof{4}, Id{5}, 7'200, 1ULL << 40, kMaxMember, "host"}),
           decode_accepted),
      kind("REFUSED", encode(Refused{Refusal::Unavailable, "host"}), decode_refused),
      kind("RESUME", encode(Resume{Id{6}, Id{7}, crypto::Tag{8}}), decode_resume),
      kind("RESUMED", encode(Resumed{crypto::Tag{9}, 77}), decode_resumed),
      kind("GET", encode(Get{FileKind::Delta, Id{1}, Digest{2}, kUuid}), decode_get),
      kind("FILE", encode(File{1ULL << 33, Digest{3}}), decode_file),
      kind("PUT", encode(Put{Id{4}, 5, Digest{6}}), decode_put),
      kind("REPORT", encode(Report{78, crypto::Tag{10}, as_bytes(body)}), decode_report),
      kind("ACK", encode(Ack{79, {{1, "RELOAD"}, {2, "STOP"}}, crypto::Tag{11}}), decode_ack),
  };
}

TEST(Messages, CanBeReadBack) {
  for (const Kind& message : all_kinds()) {
    const auto again = message.again(message.payload);
    ASSERT_TRUE(again) << message.name << ": " << again.error().text();
    EXPECT_EQ(*again, message.payload) << message.name;
  }
}

TEST(Messages, AreRefusedWhenShortOrLong) {
  for (const Kind& message : all_kinds()) {
    for (std::size_t size = 0; size < message.payload.size(); ++size) {
      const auto again = message.again(ByteView{message.payload}.first(size));
      ASSERT_FALSE(again) << message.name << " of " << size;
      ASSERT_EQ(again.error().kind, Error::Kind::Malformed) << message.name << " of " << size;
    }
    Bytes longer = message.payload;
    longer.push_back(0);
    const auto again = message.again(longer);
    ASSERT_FALSE(again) << message.name;
    EXPECT_EQ(again.error().kind, Error::Kind::Malformed) << message.name;
  }
}

TEST(Messages, AreTheSameAgainOrRefusedWhateverBytesChange) {
  std::mt19937 random{11};
  for (const Kind& message : all_kinds()) {
    for (int i = 0; i < 3'000; ++i) {
      Bytes bytes = message.payload;
      for (int k = 0; k < 3; ++k) {
        bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      }
      const auto again = message.again(bytes);
      if (again) {
        ASSERT_EQ(*again, bytes) << message.name;
      }
    }
  }
}

TEST(Hello, KeepsEveryField) {
  const Hello hello = hello_example();
  const auto decoded = decode_hello(encode(hello));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->version, kVersion);
  EXPECT_EQ(decoded->speaker.name, hello.speaker.name);
  EXPECT_EQ(decoded->speaker.instance_id, hello.speaker.instance_id);
  EXPECT_EQ(decoded->speaker.spool_id, hello.speaker.spool_id);
  EXPECT_EQ(decoded->a_public, hello.a_public);
}

TEST(Hello, FitsAFrameOfAStranger) {
  Hello hello = hello_example();
  hello.speaker.name.assign(srp::kMaxHostName, 'a');
  EXPECT_LT(encode(hello).size(), kMaxStranger);
  EXPECT_TRUE(decode_hello(encode(hello)));
}

TEST(Hello, OfAnotherVersionIsToldFromAMalformedOne) {
  const auto decoded = decode_hello(*base::unhex("0004ff"));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().kind, Error::Kind::Version);
}

TEST(Hello, RefusesANameThatIsLongOrNoText) {
  for (const std::string& name :
       {std::string(254, 'a'), std::string{"a\0b", 3}, std::string{"\xff"}}) {
    Hello hello = hello_example();
    hello.speaker.name = name;
    const auto decoded = decode_hello(encode(hello));
    ASSERT_FALSE(decoded) << name;
    EXPECT_EQ(decoded.error().kind, Error::Kind::Malformed);
  }
}

TEST(Hello, LeavesTheJudgementOfAnEmptyNameToTheServer) {
  Hello hello = hello_example();
  hello.speaker.name.clear();
  EXPECT_TRUE(decode_hello(encode(hello)));
}

TEST(Hello, RefusesANumberOfAnotherSize) {
  for (const std::uint32_t size : {0U, 383U, 385U}) {
    base::Writer writer;
    writer.number(kVersion).text("a").raw_bytes(Bytes(32)).bytes(Bytes(size, 1));
    EXPECT_FALSE(decode_hello(writer.view())) << size;
  }
}

TEST(Refused, RefusesAnUnknownReason) {
  EXPECT_FALSE(decode_refused(Bytes{0, 0, 0, 0, 0}));
  EXPECT_TRUE(decode_refused(Bytes{1, 0, 0, 0, 0}));
  EXPECT_TRUE(decode_refused(Bytes{5, 0, 0, 0, 0}));
  EXPECT_FALSE(decode_refused(Bytes{6, 0, 0, 0, 0}));
}

TEST(Report, PassesItsBodyOnWithoutACopy) {
  const Bytes payload = encode(Report{1, crypto::Tag{}, as_bytes("body")});
  const auto report = decode_report(payload);
  ASSERT_TRUE(report);
  EXPECT_EQ(as_text(report->body), "body");
  EXPECT_EQ(report->body.data() + report->body.size(), payload.data() + payload.size());
}

TEST(Ack, CarriesCommandsUpToALimit) {
  Ack full{1, std::vector<Command>(kMaxCommands, Command{7, "SCAN"}), {}};
  const auto ack = decode_ack(encode(full));
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->commands, full.commands);
  Bytes more = encode(full);
  more[8] = kMaxCommands + 1;
  EXPECT_FALSE(decode_ack(more));
}

TEST(Ack, RefusesACommandThatIsLongOrNoText) {
  EXPECT_TRUE(decode_ack(encode(Ack{1, {{1, std::string(kMaxCommand, 'a')}}, {}})));
  EXPECT_FALSE(decode_ack(encode(Ack{1, {{1, std::string(kMaxCommand + 1, 'a')}}, {}})));
  EXPECT_FALSE(decode_ack(encode(Ack{1, {{1, "\xff"}}, {}})));
}

TEST(Get, NamesAKindAndNeverAPath) {
  EXPECT_TRUE(decode_get(encode(Get{FileKind::Baseline, Id{}, Digest{}, {}})));
  EXPECT_FALSE(decode_get(encode(Get{FileKind::Baseline, Id{}, Digest{}, kUuid})));
  EXPECT_FALSE(decode_get(encode(Get{FileKind{0}, Id{}, Digest{}, {}})));
  EXPECT_FALSE(decode_get(encode(Get{FileKind{4}, Id{}, Digest{}, {}})));
  for (const std::string& uuid :
       {std::string{}, std::string(36, '.'), std::string(35, 'a'), std::string(37, 'a'),
        std::string{"../../../../../../../etc/passwd......"}, kUuid + "/"}) {
    EXPECT_FALSE(decode_get(encode(Get{FileKind::Delta, Id{}, Digest{}, uuid}))) << uuid;
  }
}

class SessionKeys : public testing::Test {
 protected:
  const Id id = Id{1, 2, 3};
  const srp::ChannelBinding binding{4, 5, 6};
  crypto::Key key{std::array<std::uint8_t, 32>{7}};
  crypto::Mac mac{key};
};

TEST_F(SessionKeys, AreDerivedAsInTheReference) {
  for (const auto& given : srp::kReferenceCases) {
    const Bytes agreed = *base::unhex(given.key);
    const Bytes session = *base::unhex(given.session_id);
    Id session_id{};
    std::copy(session.begin(), session.end(), session_id.begin());
    const srp::SessionKey session_key{std::span<const std::uint8_t, 32>{agreed}};
    EXPECT_EQ(base::hex(report_key(session_key, session_id).span()), given.report_key);
  }
}

TEST_F(SessionKeys, SignEverythingThatNamesAReport) {
  const crypto::Tag tag = report_mac(mac, id, 1, as_bytes("body"));
  EXPECT_EQ(report_mac(mac, id, 1, as_bytes("body")), tag);
  EXPECT_NE(report_mac(mac, id, 2, as_bytes("body")), tag) << "a report moved to another number";
  EXPECT_NE(report_mac(mac, Id{1, 2, 4}, 1, as_bytes("body")), tag) << "to another session";
  EXPECT_NE(report_mac(mac, id, 1, as_bytes("bodz")), tag);
  crypto::Mac other{crypto::Key{std::array<std::uint8_t, 32>{8}}};
  EXPECT_NE(report_mac(other, id, 1, as_bytes("body")), tag);
}

TEST_F(SessionKeys, SignBytesInTheOrderTheDocumentSays) {
  base::Writer writer;
  writer.raw_bytes(as_bytes("report")).raw_bytes(id).number(std::uint64_t{258});
  writer.raw_bytes(as_bytes("body"));
  const std::array<ByteView, 1> signed_bytes = {writer.view()};
  EXPECT_EQ(report_mac(mac, id, 258, as_bytes("body")), mac.compute(signed_bytes));
}

TEST_F(SessionKeys, SignCommandsOfTheirSession) {
  const std::vector<Command> commands = {{1, "RELOAD"}, {2, "STOP"}};
  const crypto::Tag tag = commands_mac(mac, id, commands);
  EXPECT_EQ(commands_mac(mac, id, commands), tag);
  EXPECT_NE(commands_mac(mac, Id{}, commands), tag);
  EXPECT_NE(commands_mac(mac, id, {{1, "RELOAD"}}), tag);
  EXPECT_NE(commands_mac(mac, id, {{1, "RELOAD"}, {3, "STOP"}}), tag);
}

TEST_F(SessionKeys, VouchForOneAnswerToOneQuestion) {
  const crypto::Tag tag = file_mac(mac, Vouched::File, FileKind::Baseline, id, Digest{1});
  EXPECT_EQ(file_mac(mac, Vouched::File, FileKind::Baseline, id, Digest{1}), tag);
  EXPECT_NE(file_mac(mac, Vouched::Unchanged, FileKind::Baseline, id, Digest{1}), tag);
  EXPECT_NE(file_mac(mac, Vouched::File, FileKind::Configuration, id, Digest{1}), tag);
  EXPECT_NE(file_mac(mac, Vouched::File, FileKind::Baseline, Id{}, Digest{1}), tag) << "a replay";
  EXPECT_NE(file_mac(mac, Vouched::File, FileKind::Baseline, id, Digest{2}), tag);
  const srp::SessionKey agreed{};
  EXPECT_FALSE(std::ranges::equal(file_key(agreed, id).span(), report_key(agreed, id).span()));
}

TEST_F(SessionKeys, BindAResumptionToNonceChannelAndDirection) {
  const crypto::Tag tag = resume_mac(mac, id, binding);
  EXPECT_EQ(resume_mac(mac, id, binding), tag);
  EXPECT_NE(resume_mac(mac, Id{}, binding), tag);
  EXPECT_NE(resume_mac(mac, id, srp::ChannelBinding{}), tag);
  EXPECT_NE(resumed_mac(mac, id, binding), tag);
}

}  // namespace
}  // namespace samhain::wire
