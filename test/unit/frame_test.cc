#include "wire/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/hex.h"

namespace samhain::wire {
namespace {

Error::Kind kind_of(const char* digits, std::uint32_t limit = kMaxStranger) {
  const auto frame = decode(*base::unhex(digits), limit);
  EXPECT_FALSE(frame);
  return frame ? Error::Kind::System : frame.error().kind;
}

TEST(Frame, FindsAWholeReport) {
  const Bytes bytes = *base::unhex("00000003096869");
  const auto frame = decode(bytes, kMaxStranger);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, Type::Report);
  EXPECT_EQ(as_text(frame->payload), "hi");
  EXPECT_EQ(frame->size, bytes.size());
}

TEST(Frame, FindsTheFirstOfSeveralAndTheirNumbersNeverChange) {
  Bytes bytes;
  for (std::uint8_t type = 1; type <= 10; ++type) encode(static_cast<Type>(type), {}, bytes);
  EXPECT_EQ(base::hex(ByteView{bytes}.first(10)), "00000001010000000102");
  EXPECT_EQ(static_cast<int>(Type::Ack), 10);
  EXPECT_EQ(static_cast<int>(Type::Stored), 18);

  ByteView rest = bytes;
  for (std::uint8_t type = 1; type <= 10; ++type) {
    const auto frame = decode(rest, kMaxStranger);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type, static_cast<Type>(type));
    EXPECT_TRUE(frame->payload.empty());
    rest = rest.subspan(frame->size);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(Frame, AsksForMoreUntilItIsWhole) {
  const Bytes bytes = *base::unhex("00000003096869");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto frame = decode(ByteView{bytes}.first(size), kMaxStranger);
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().kind, Error::Kind::Incomplete) << size;
  }
}

TEST(Frame, RefusesALengthAboveTheLimitWithoutWaitingForIt) {
  EXPECT_EQ(kind_of("ffffffff09"), Error::Kind::Limit);
  EXPECT_EQ(kind_of("00001001"), Error::Kind::Limit);
  EXPECT_EQ(kind_of("00001000"), Error::Kind::Incomplete);
  EXPECT_EQ(kind_of("00100001", kMaxMember), Error::Kind::Limit);
  EXPECT_EQ(kind_of("00100000", kMaxMember), Error::Kind::Incomplete);
}

TEST(Frame, RefusesAFrameWithoutATypeAndOneOfAnUnknownType) {
  EXPECT_EQ(kind_of("00000000"), Error::Kind::Malformed);
  EXPECT_EQ(kind_of("0000000100"), Error::Kind::Malformed);
  EXPECT_EQ(kind_of("0000000113"), Error::Kind::Malformed);
  EXPECT_EQ(kind_of("00000400ff"), Error::Kind::Malformed) << "before the payload came";
}

TEST(Frame, CanBeReadBackAtEverySizeUpToTheLimit) {
  for (const std::size_t size : {0U, 1U, 255U, 256U, 65'536U, kMaxMember - 1}) {
    Bytes bytes = {0xEE};  // what was there stays
    const Bytes payload(size, 0x5A);
    encode(Type::Report, payload, bytes);
    ASSERT_EQ(bytes.front(), 0xEE);
    const auto frame = decode(ByteView{bytes}.subspan(1), kMaxMember);
    ASSERT_TRUE(frame);
    EXPECT_TRUE(
        std::equal(frame->payload.begin(), frame->payload.end(), payload.begin(), payload.end()));
    EXPECT_EQ(frame->size, bytes.size() - 1);
  }
}

TEST(FrameDeathTest, IsNeverWrittenLongerThanItMayBe) {
  Bytes bytes;
  const Bytes payload(kMaxMember, 0);
  EXPECT_DEATH(encode(Type::Report, payload, bytes), "kMaxMember");
}

TEST(Frame, OfRandomBytesLiesWithinThem) {
  std::mt19937 random{3};
  for (int i = 0; i < 50'000; ++i) {
    Bytes bytes(random() % 40);
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random() % 12);
    if (bytes.size() > 2)
      bytes[0] = bytes[1] = bytes[2] = 0;  // short enough to be found now and then
    const auto frame = decode(bytes, kMaxStranger);
    if (!frame) continue;
    ASSERT_LE(frame->size, bytes.size());
    ASSERT_EQ(frame->payload.size() + 5, frame->size);
    Bytes again;
    encode(frame->type, frame->payload, again);
    ASSERT_TRUE(std::equal(again.begin(), again.end(), bytes.begin()));
  }
}

}  // namespace
}  // namespace samhain::wire
