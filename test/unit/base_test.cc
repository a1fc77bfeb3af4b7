#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "base/base64.h"
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

TEST(Base64Test, GoesThereAndBack) {
  // RFC 4648 section 10.
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64(as_bytes(plain)), text);
    const auto again = unbase64(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(as_text(*again), plain);
  }
  EXPECT_EQ(base64(as_bytes("\xff\xef\xbf\xff"), kOriginalDigits), ")(())w??");
}

TEST(Base64Test, RefusesOtherTexts) {
  for (const std::string_view text : {"Z", "Zg=", "Z===", "Zg==Zg==", "Zm9(", "Zm 9"}) {
    EXPECT_FALSE(unbase64(text)) << text;
  }
}

}  // namespace
}  // namespace samhain::base
