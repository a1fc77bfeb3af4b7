#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/hex.h"
#include "base/text.h"

namespace samhain::base {
namespace {

TEST(Text, TrimsBlanksAtBothEndsOnly) {
  EXPECT_EQ(trim("  a b\t\r\n"), "a b");
  EXPECT_EQ(trim(" \t"), "");
}

TEST(Text, SplitsWithoutEmptyParts) {
  EXPECT_EQ(split(",a, b;;c", ",; "), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_TRUE(split(" , ", ", ").empty());
}

TEST(Text, ReadsWholeNumbersOnly) {
  EXPECT_EQ(to_number<int>("42"), 42);
  EXPECT_EQ(to_number<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(to_number<int>("4x"), std::nullopt);
  EXPECT_EQ(to_number<int>(""), std::nullopt);
}

TEST(Text, KnowsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8_text("h\xc3\xa4x \xf0\x9f\x8e\x83"));
  EXPECT_FALSE(is_utf8_text("\xc3"));
  EXPECT_FALSE(is_utf8_text("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8_text("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8_text("\xf5\x80\x80\x80"));  // beyond Unicode
  EXPECT_FALSE(is_utf8_text(std::string_view{"a\0b", 3}));
}

TEST(Text, MakesAnyBytesSafeForATerminal) {
  EXPECT_EQ(printable("a\x1b[31m\\\n\xff"), "a\\033[31m\\\\\\012\\377");
}

TEST(Hex, GoesThereAndBack) {
  const Bytes bytes = {0x00, 0xAF, 0x10};
  EXPECT_EQ(hex(bytes), "00af10");
  EXPECT_EQ(upper_hex(bytes), "00AF10");
  EXPECT_EQ(unhex("00aF10"), bytes);
  EXPECT_EQ(unhex("0"), std::nullopt);
  EXPECT_EQ(unhex("0g"), std::nullopt);
}

TEST(Codec, ReadsWhatWasWritten) {
  Writer writer;
  writer.number(std::uint8_t{7}).number(std::int64_t{-2}).text("abc").number(std::uint16_t{0x0102});
  Reader reader{writer.view()};
  EXPECT_EQ(reader.number<std::uint8_t>(), 7);
  EXPECT_EQ(reader.number<std::int64_t>(), -2);
  EXPECT_EQ(reader.text(), "abc");
  EXPECT_EQ(reader.number<std::uint16_t>(), 0x0102);
  EXPECT_TRUE(reader.is_complete());
}

TEST(Codec, StaysBadAfterAReadPastTheEnd) {
  const Bytes bytes = {0, 0, 0, 9, 1};
  Reader reader{bytes};
  EXPECT_TRUE(reader.bytes().empty());
  EXPECT_FALSE(reader.is_good());
  EXPECT_EQ(reader.number<std::uint8_t>(), 0);
  EXPECT_FALSE(reader.is_complete());
}

TEST(Codec, RefusesALengthAboveTheLimit) {
  const Bytes bytes = {0, 0, 0, 2, 1, 2};
  Reader reader{bytes};
  EXPECT_TRUE(reader.bytes(1).empty());
  EXPECT_FALSE(reader.is_good());
}

TEST(Codec, TellsWhenBytesAreLeftOver) {
  const Bytes bytes = {1, 2};
  Reader reader{bytes};
  reader.number<std::uint8_t>();
  EXPECT_TRUE(reader.is_good());
  EXPECT_FALSE(reader.is_complete());
}

}  // namespace
}  // namespace samhain::base
