#include "policy/pattern.h"

#include <fmt/format.h>
#include <limits.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace samhain::policy {
namespace {

constexpr std::size_t kMaxPattern = 1'024;
/// Bytes of the pattern times its counts: what it may take to compile and to match.
constexpr std::uint64_t kMaxCost = 100'000;

Error malformed(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

/// The larger of the numbers in "3,20}…", at least 1.
std::uint64_t count_of(std::string_view text) {
  std::uint64_t count = 1;
  for (const std::string_view number : base::split(text.substr(0, text.find('}')), ",")) {
    count = std::max(count, base::to_number<std::uint64_t>(number).value_or(1));
  }
  return std::min(count, kMaxCost + 1);
}

/// Where the bracket expression that begins at `at` ends: "[]a]" and "[^]a]" hold a bracket.
std::size_t end_of_bracket(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  if (end < text.size() && text[end] == '^') ++end;
  if (end < text.size() && text[end] == ']') ++end;
  return std::min(text.find(']', end), text.size() - 1);
}

Result<void> check_cost(std::string_view text) {
  if (text.size() > kMaxPattern) {
    return malformed(
        fmt::format("the pattern has {} bytes; at most {} are possible, and several "
                    "lines",
                    text.size(), kMaxPattern));
  }
  std::uint64_t cost = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') {
      i = end_of_bracket(text, i);
    } else if (text[i] == '{') {
      cost = std::min(cost * count_of(text.substr(i + 1)), kMaxCost + 1);
    } else if (text[i] == '\\') {
      ++i;
      if (i < text.size() && text[i] >= '1' && text[i] <= '9') {
        return malformed("back references can take any time; write the pattern without them");
      }
    }
  }
  if (cost > kMaxCost) return malformed("the counts in {} are too great; give smaller ones");
  return {};
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text, Anchor anchor) {
  if (auto checked = check_cost(text); !checked) return checked.error();
  const std::string whole =
      anchor == Anchor::Start ? fmt::format("^({})", text) : std::string{text};
  std::unique_ptr<regex_t, Free> regex;
  auto compiled = std::make_unique<regex_t>();
  const int error = regcomp(compiled.get(), whole.c_str(), REG_EXTENDED | REG_NOSUB);
  if (error != 0) {
    std::array<char, 128> why{};
    regerror(error, compiled.get(), why.data(), why.size());
    return malformed(
        fmt::format("{}; give an extended regular expression, see regex(7)", why.data()));
  }
  regex.reset(compiled.release());
  return Pattern{std::move(regex)};
}

bool Pattern::matches(const std::string& path) const {
  return path.size() < PATH_MAX && regexec(regex_.get(), path.c_str(), 0, nullptr, 0) == 0;
}

Result<PathPatterns> PathPatterns::compile(std::span<const std::string> texts) {
  PathPatterns all;
  for (const std::string& text : texts) {
    if (!text.starts_with('/')) {
      return malformed("the pattern is of no path; let it begin with /");
    }
    auto pattern = Pattern::compile(text, Pattern::Anchor::Start);
    if (!pattern) return pattern.error();
    all.patterns_.push_back(*std::move(pattern));
  }
  return all;
}

bool PathPatterns::matches(const std::string& path) const {
  return std::ranges::any_of(patterns_,
                             [&path](const Pattern& pattern) { return pattern.matches(path); });
}

}  // namespace samhain::policy
