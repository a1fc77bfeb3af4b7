#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/severity.h"

namespace samhain {

/// What kind of event a report tells of; the words of settings such as LogClass.  The numbers are
/// part of the wire format (docs/protocol.md section 5): never renumber.
enum class EventClass : std::uint16_t {
  Aud = 1,
  Panic,
  Run,
  Fil,
  Tcp,
  Err,
  Stamp,
  Enet,
  Einput,
  Event,
  Start,
  Logkey
};
inline constexpr std::uint16_t kLastEventClass = 12;

/// Which classes a sink takes; one bit each.
class ClassSet {
 public:
  constexpr ClassSet() = default;
  static constexpr ClassSet all() {
    ClassSet set;
    set.bits_ = static_cast<std::uint16_t>((1U << (kLastEventClass + 1U)) - 2U);
    return set;
  }
  constexpr void add(EventClass c) { bits_ = static_cast<std::uint16_t>(bits_ | bit(c)); }
  constexpr bool has(EventClass c) const { return (bits_ & bit(c)) != 0; }
  constexpr bool operator==(const ClassSet&) const = default;

 private:
  static constexpr std::uint16_t bit(EventClass c) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(c));
  }
  std::uint16_t bits_ = 0;
};

/// The word in settings and in the `%C` of a header: "EVENT".
constexpr std::string_view word(EventClass c) {
  constexpr std::string_view kWords[] = {"",      "AUD",   "PANIC", "RUN",  "FIL",
                                         "TCP",   "ERR",   "STAMP", "ENET", "EINPUT",
                                         "EVENT", "START", "LOGKEY"};
  return kWords[static_cast<std::uint16_t>(c)];
}

/// One `key="value"` of a report.  The value is the exact bytes, unescaped: forms escape.
struct Field {
  std::string key;
  std::string value;
  bool operator==(const Field&) const = default;
};

/// A finding or an event, put into words.  `fields` keep the order in which a line shows them; the
/// message itself is the field `msg`, mostly but not always the first.
struct Report {
  Severity severity = Severity::Info;
  EventClass event_class = EventClass::Run;
  std::int64_t time_ns = 0;  ///< since the epoch, by the clock of the host that wrote it
  std::vector<Field> fields;

  // Only on the server, only in a client's report; never read from the report itself.
  std::string client;           ///< the name that authentication proved; empty: our own report
  std::int64_t arrival_ns = 0;  ///< since the epoch, by the server's clock

  std::string_view find(std::string_view key) const {
    for (const Field& field : fields) {
      if (field.key == key) return field.value;
    }
    return {};
  }
  std::string_view message() const { return find("msg"); }
  bool operator==(const Report&) const = default;
};

}  // namespace samhain
