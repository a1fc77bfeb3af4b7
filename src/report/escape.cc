#include "report/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace samhain::report {
namespace {

constexpr std::array<std::string_view, 5> kPathKeys = {"path", "dir", "linked_path", "link_old",
                                                       "link_new"};

/// For each byte the character behind the backslash; 0: the byte stands for itself; 'o': `\ooo`.
using Table = std::array<char, 256>;

constexpr Table guide_table() {
  Table table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (i < 0x20 || i > 0x7E) table[i] = 'o';
  }
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}

constexpr Table classic_table(bool escapes_blanks) {
  Table table = guide_table();
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['\v'] = 'v';
  table['\f'] = 'f';
  table['\b'] = 'b';
  // They end a value: a name with `>` in it must not forge the fields behind it.
  table['<'] = 'o';
  table['>'] = 'o';
  if (escapes_blanks) table[' '] = ' ';
  return table;
}

constexpr Table kGuide = guide_table();
constexpr Table kClassic = classic_table(false);
constexpr Table kClassicPath = classic_table(true);

void append_octal(std::string& out, std::uint8_t byte) {
  out += '\\';
  out += static_cast<char>('0' + (byte >> 6));
  out += static_cast<char>('0' + (byte >> 3 & 7));
  out += static_cast<char>('0' + (byte & 7));
}

void append_escaped(std::string& out, std::string_view value, const Table& table) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(value[i]);
    const char mark = table[byte];
    if (mark == 0) continue;
    out.append(value, begin, i - begin);
    begin = i + 1;
    if (mark == 'o') {
      append_octal(out, byte);
    } else {
      out += '\\';
      out += mark;
    }
  }
  out.append(value, begin, value.size() - begin);
}

std::optional<std::uint8_t> octal(std::string_view text) {
  if (text.size() < 3 || text[0] < '0' || text[0] > '3') return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(0, 3)) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<unsigned>(c - '0');
  }
  return static_cast<std::uint8_t>(value);
}

/// The byte that `\mark` stands for; nothing if no byte is written so.
std::optional<std::uint8_t> byte_for(char mark, const Table& table) {
  if (mark == 'o') return std::nullopt;
  const auto* const found = std::find(table.begin(), table.end(), mark);
  if (mark == 0 || found == table.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - table.begin());
}

/// One escape at the start of `text`, which begins behind the backslash.
struct Escape {
  std::uint8_t byte = 0;
  std::size_t size = 0;
};
std::optional<Escape> read_escape(std::string_view text, const Table& table) {
  if (const auto byte = octal(text)) return Escape{*byte, 3};
  if (text.empty()) return std::nullopt;
  if (const auto byte = byte_for(text.front(), table)) return Escape{*byte, 1};
  return std::nullopt;
}

void append_hex(std::string& out, std::uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += '=';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 0xF];
}

}  // namespace

bool is_path(std::string_view key, std::string_view value) {
  if (key == "obj") return value.starts_with('/');
  return std::find(kPathKeys.begin(), kPathKeys.end(), key) != kPathKeys.end();
}

void append_guide(std::string& out, std::string_view value) { append_escaped(out, value, kGuide); }

void append_classic(std::string& out, std::string_view value, bool escapes_blanks) {
  append_escaped(out, value, escapes_blanks ? kClassicPath : kClassic);
}

void append_rewritten(std::string& out, std::string_view classic_line) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < classic_line.size(); ++i) {
    const char c = classic_line[i];
    if (c != '\\' && c != '\'' && c != '=') continue;
    const std::string_view rest = classic_line.substr(i + 1);
    if (c == '=' && rest.starts_with('<')) continue;

    out.append(classic_line, begin, i - begin);
    if (c != '\\') {
      append_hex(out, static_cast<std::uint8_t>(c));
    } else if (const auto escape = read_escape(rest, kClassicPath)) {
      // Always so: the line has our own escapes only.
      append_hex(out, escape->byte);
      i += escape->size;
    }
    begin = i + 1;
  }
  out.append(classic_line, begin, classic_line.size() - begin);
}

std::string escape(std::string_view value, Form form) {
  std::string text;
  text.reserve(value.size() + value.size() / 4);
  append_escaped(text, value, form == Form::Guide ? kGuide : kClassicPath);
  return text;
}

std::optional<std::string> unescape(std::string_view text, Form form) {
  const Table& table = form == Form::Guide ? kGuide : kClassicPath;
  std::string value;
  value.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '\\') {
      // A blank stands for itself in values that are no paths; nothing else needs an escape.
      if (c != ' ' && table[static_cast<std::uint8_t>(c)] != 0) return std::nullopt;
      value += c;
      continue;
    }
    const auto escape = read_escape(text.substr(i + 1), table);
    if (!escape) return std::nullopt;
    value += static_cast<char>(escape->byte);
    i += escape->size;
  }
  return value;
}

}  // namespace samhain::report
