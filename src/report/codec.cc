#include "report/codec.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>
#include <string_view>

#include "base/codec.h"

namespace samhain::report {
namespace {

constexpr std::size_t kHeadSize = 1 + 2 + 8 + 2;
constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kMaxFields = std::numeric_limits<std::uint16_t>::max();
/// The shortest field: two lengths and a key of one byte.
constexpr std::size_t kMinFieldSize = 2 * kLengthSize + 1;

/// Size of the report with no value longer than `cap`.
std::size_t size_with(const Report& report, std::size_t cap) {
  std::size_t size = kHeadSize;
  for (const Field& field : report.fields) {
    size += 2 * kLengthSize + field.key.size() + std::min(field.value.size(), cap);
  }
  return size;
}

/// The most that a value may keep so that the whole fits: the longest values pay, short ones stay.
std::size_t cap_for(const Report& report) {
  std::size_t low = 0;
  std::size_t high = kMaxBody;
  while (low < high) {
    const std::size_t middle = low + (high - low + 1) / 2;
    if (size_with(report, middle) <= kMaxBody) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_key_character);
}

/// `none` switches sinks off and `inet` is the server's own mark: no report is sent with them.
bool is_severity(std::uint8_t value) {
  return value > static_cast<std::uint8_t>(Severity::None) &&
         value <= static_cast<std::uint8_t>(Severity::Inet);
}

Error malformed(std::string_view what) {
  return Error{Error::Kind::Malformed, "report: " + std::string{what}};
}

}  // namespace

Bytes encode(const Report& report) {
  assert(report.fields.size() <= kMaxFields);
  std::size_t cap = kMaxBody;
  std::size_t size = size_with(report, cap);
  if (size > kMaxBody) {
    cap = cap_for(report);
    size = size_with(report, cap);
  }
  // Keys are our own short words: only a mistake of ours makes them a megabyte.
  assert(size <= kMaxBody);

  base::Writer writer;
  writer.number(static_cast<std::uint8_t>(report.severity))
      .number(static_cast<std::uint16_t>(report.event_class))
      .number(report.time_ns)
      .number(static_cast<std::uint16_t>(report.fields.size()));
  for (const Field& field : report.fields) {
    writer.text(field.key).text(std::string_view{field.value}.substr(0, cap));
  }
  return writer.take();
}

Result<Report> decode(ByteView body) {
  if (body.size() > kMaxBody) return Error{Error::Kind::Limit, "report: longer than allowed"};
  base::Reader reader{body};
  const auto severity = reader.number<std::uint8_t>();
  const auto event_class = reader.number<std::uint16_t>();
  Report report;
  report.time_ns = reader.number<std::int64_t>();
  const auto count = reader.number<std::uint16_t>();
  if (!reader.is_good()) return malformed("shorter than its head");
  if (!is_severity(severity)) return malformed("unknown severity");
  if (event_class == 0 || event_class > kLastEventClass) return malformed("unknown class");
  report.severity = static_cast<Severity>(severity);
  report.event_class = static_cast<EventClass>(event_class);

  // The count is a stranger's: judge it by the bytes that are there before memory is set aside.
  if (count > reader.left() / kMinFieldSize) return malformed("more fields than bytes");
  report.fields.reserve(count);
  for (std::uint16_t i = 0; i < count; ++i) {
    const std::string_view key = reader.text();
    const std::string_view value = reader.text();
    if (!reader.is_good()) return malformed("a field is cut off");
    if (!is_key(key)) return malformed("a key has a character that keys do not have");
    report.fields.push_back(Field{std::string{key}, std::string{value}});
  }
  if (!reader.is_complete()) return malformed("bytes left over");
  return report;
}

}  // namespace samhain::report
