#include "tools/yulectl_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/text.h"
#include "tools/json.h"

namespace samhain::tools {
namespace {

bool is_time(std::string_view column) { return column == "last_contact" || column == "time"; }

/// Names are text also where they look like a number; ids are beyond what JSON's readers can count.
bool is_number(std::string_view column, std::string_view text) {
  constexpr std::array<std::string_view, 4> kTexts = {"client", "address", "command", "id"};
  if (std::ranges::find(kTexts, column) != kTexts.end()) return false;
  return base::to_number<std::uint64_t>(text).has_value();
}

std::string shown_time(std::string_view seconds) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  const auto number = base::to_number<std::int64_t>(seconds);
  if (!number || *number == 0) return "never";
  return base::local_time(*number * kNanoseconds);
}

/// "last_contact" as a heading: "LAST CONTACT".
std::string heading(std::string_view column) {
  std::string text{column};
  for (char& c : text) {
    if (c == '_') c = ' ';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string json_member(std::string_view key, std::string_view value) {
  return fmt::format("{}: {}", json_quoted(key),
                     is_number(key, value) ? std::string{value} : json_quoted(value));
}

}  // namespace

std::vector<Row> rows_of(std::string_view answer) {
  std::vector<Row> rows;
  for (const std::string_view line : base::split(answer, "\n")) {
    rows.push_back(base::split(line, "\t"));
  }
  return rows;
}

std::string table_text(Columns columns, const std::vector<Row>& rows) {
  if (rows.empty()) return {};
  std::vector<std::vector<std::string>> lines(1);
  for (const std::string_view column : columns) lines[0].push_back(heading(column));
  for (const Row& row : rows) {
    if (row.size() != columns.size()) continue;
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.push_back(is_time(columns[i]) ? shown_time(row[i]) : std::string{row[i]});
    }
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    }
    text += line.back() + "\n";
  }
  return text;
}

std::string table_json(Columns columns, const std::vector<Row>& rows) {
  std::string text = "[";
  for (const Row& row : rows) {
    if (row.size() != columns.size()) continue;
    text += text.size() > 1 ? ",\n {" : "\n {";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i > 0 ? ", " : "") + json_member(columns[i], row[i]);
    }
    text += "}";
  }
  return text + "\n]\n";
}

std::string pairs_text(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    if (row.size() == 2)
      text += fmt::format("{:<26} {}\n", row[0], is_time(row[0]) ? shown_time(row[1]) : row[1]);
  }
  return text;
}

std::string pairs_json(const std::vector<Row>& rows) {
  std::string text = "{";
  for (const Row& row : rows) {
    if (row.size() != 2) continue;
    text += (text.size() > 1 ? ",\n " : "\n ") + json_member(row[0], row[1]);
  }
  return text + "\n}\n";
}

}  // namespace samhain::tools
