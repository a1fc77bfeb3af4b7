#include "base/base64.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace samhain::base {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kGroup = 4;  // digits for three bytes

char digit(std::uint32_t value, std::string_view digits) {
  return value < kLetters.size() ? kLetters[value] : digits[value - kLetters.size()];
}

std::optional<std::uint32_t> value_of(char c, std::string_view digits) {
  std::size_t at = kLetters.find(c);
  if (at == std::string_view::npos && c == digits[0]) at = kLetters.size();
  if (at == std::string_view::npos && c == digits[1]) at = kLetters.size() + 1;
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(at);
}

}  // namespace

std::string base64(ByteView bytes, std::string_view digits) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * kGroup);
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(3, bytes.size()))) {
    const auto byte = [&](std::size_t i) {
      return i < bytes.size() ? std::uint32_t{bytes[i]} : std::uint32_t{0};
    };
    const std::uint32_t bits = byte(0) << 16U | byte(1) << 8U | byte(2);
    text.push_back(digit(bits >> 18U & 0x3FU, digits));
    text.push_back(digit(bits >> 12U & 0x3FU, digits));
    text.push_back(bytes.size() > 1 ? digit(bits >> 6U & 0x3FU, digits) : digits[2]);
    text.push_back(bytes.size() > 2 ? digit(bits & 0x3FU, digits) : digits[2]);
  }
  return text;
}

std::optional<Bytes> unbase64(std::string_view text, std::string_view digits) {
  if (text.size() % kGroup != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with(digits[2]); ++i) text.remove_suffix(1);
  if (text.size() % kGroup == 1) return std::nullopt;
  Bytes bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto value = value_of(c, digits);
    if (!value) return std::nullopt;
    bits = (bits << 6U | *value) & 0xFFFFU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  return bytes;
}

}  // namespace samhain::base
