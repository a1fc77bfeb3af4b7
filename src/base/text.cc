#include "base/text.h"

#include <algorithm>

namespace samhain::base {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// How many bytes follow this first byte of a UTF-8 sequence, and the lowest code point that may
/// be written with so many; nothing for a byte that cannot be first.
struct Lead {
  int following;
  std::uint32_t lowest;
  std::uint32_t bits;
};
std::optional<Lead> lead(unsigned char c) {
  if (c < 0x80) return Lead{0, 0, c};
  if ((c & 0xE0) == 0xC0) return Lead{1, 0x80, c & 0x1FU};
  if ((c & 0xF0) == 0xE0) return Lead{2, 0x800, c & 0x0FU};
  if ((c & 0xF8) == 0xF0) return Lead{3, 0x10000, c & 0x07U};
  return std::nullopt;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(), lower_char);
  return result;
}

bool equal_no_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_char(x) == lower_char(y); });
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  std::size_t begin = text.find_first_not_of(separators);
  while (begin != std::string_view::npos) {
    const std::size_t end = text.find_first_of(separators, begin);
    parts.push_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    begin = end == std::string_view::npos ? end : text.find_first_not_of(separators, end);
  }
  return parts;
}

std::optional<bool> to_bool(std::string_view text) {
  if (text.empty()) return std::nullopt;
  switch (lower_char(text.front())) {
    case '1':
    case 'y':
    case 't':
      return true;
    case '0':
    case 'n':
    case 'f':
      return false;
    default:
      return std::nullopt;
  }
}

bool is_utf8_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto start = lead(static_cast<unsigned char>(text[i]));
    if (!start || text[i] == '\0') return false;
    if (text.size() - i <= static_cast<std::size_t>(start->following)) return false;
    std::uint32_t code = start->bits;
    for (int k = 1; k <= start->following; ++k) {
      const auto c = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      if ((c & 0xC0) != 0x80) return false;
      code = code << 6 | (c & 0x3FU);
    }
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < start->lowest || code > 0x10FFFF || is_surrogate) return false;
    i += static_cast<std::size_t>(start->following) + 1;
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      result += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7F) {
      result += c;
    } else {
      result += '\\';
      result += static_cast<char>('0' + (byte >> 6));
      result += static_cast<char>('0' + (byte >> 3 & 7));
      result += static_cast<char>('0' + (byte & 7));
    }
  }
  return result;
}

}  // namespace samhain::base
