#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace samhain::base {

/// Without the blanks, tabs and carriage returns at both ends.
std::string_view trim(std::string_view text);

/// ASCII only: names of hosts, sections and keys.
std::string lower(std::string_view text);
bool equal_no_case(std::string_view a, std::string_view b);

/// The non-empty parts of `text` between any of the `separators`.
std::vector<std::string_view> split(std::string_view text, std::string_view separators);

/// The whole of `text` as a number; nothing if a byte is left over or it does not fit.
template <class T>
std::optional<T> to_number(std::string_view text, int number_base = 10) {
  T value{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, number_base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The first letter decides, as the original has it: 1 y t, or 0 n f; either case.
std::optional<bool> to_bool(std::string_view text);

/// True for well-formed UTF-8 (RFC 3629) without a NUL byte.
bool is_utf8_text(std::string_view text);

/// `text` with every byte but printable ASCII as `\ooo`, and `\` as `\\`: safe on a terminal.
std::string printable(std::string_view text);

}  // namespace samhain::base
