#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace samhain {

/// How bad an event is, low to high.  `Inet` marks, on the server only, a report of a client.
enum class Severity : std::uint8_t {
  None = 0,
  Debug,
  Info,
  Notice,
  Warn,
  Mark,
  Err,
  Crit,
  Alert,
  Inet
};
inline constexpr std::size_t kSeverityCount = 10;

/// The word in settings and options: "crit".
constexpr std::string_view word(Severity severity) {
  constexpr std::array<std::string_view, kSeverityCount> kWords = {
      "none", "debug", "info", "notice", "warn", "mark", "err", "crit", "alert", "inet"};
  return kWords[static_cast<std::size_t>(severity)];
}

/// The tag that opens a log line, eight characters: "CRIT   :".
constexpr std::string_view tag(Severity severity) {
  constexpr std::array<std::string_view, kSeverityCount> kTags = {
      "NONE   :", "DEBUG  :", "INFO   :", "NOTICE :", "WARN   :",
      "MARK   :", "ERROR  :", "CRIT   :", "ALERT  :", "<TCP>  :"};
  return kTags[static_cast<std::size_t>(severity)];
}

/// Which severities a sink takes; one bit each, bit 0 (None) unused.
class SeveritySet {
 public:
  constexpr SeveritySet() = default;
  static constexpr SeveritySet from(Severity lowest) {
    SeveritySet set;
    for (auto s = static_cast<std::uint8_t>(lowest);
         s <= static_cast<std::uint8_t>(Severity::Alert); ++s) {
      set.add(static_cast<Severity>(s));
    }
    return set;
  }

  constexpr void add(Severity s) { bits_ = static_cast<std::uint16_t>(bits_ | bit(s)); }
  constexpr void remove(Severity s) { bits_ = static_cast<std::uint16_t>(bits_ & ~bit(s)); }
  constexpr bool has(Severity s) const { return (bits_ & bit(s)) != 0; }
  constexpr bool is_empty() const { return bits_ == 0; }
  constexpr bool operator==(const SeveritySet&) const = default;

 private:
  static constexpr std::uint16_t bit(Severity s) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(s));
  }
  std::uint16_t bits_ = 0;
};

}  // namespace samhain
