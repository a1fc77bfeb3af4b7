#include "spool/segment.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cassert>

#include "base/text.h"

namespace samhain::spool {
namespace {

constexpr std::size_t kPrefixSize = 8;  // length and crc32
constexpr std::size_t kFixedSize = 9;   // number and severity
constexpr std::size_t kNameDigits = 20;

std::uint32_t checksum(ByteView bytes, std::uint32_t so_far = 0) {
  return static_cast<std::uint32_t>(crc32(so_far, bytes.data(), static_cast<uInt>(bytes.size())));
}

bool is_severity(std::uint8_t value) { return value < kSeverityCount; }

/// How far a bad record's length leads; 0: nowhere.
std::size_t stride(ByteView input) {
  base::Reader reader{input};
  const std::size_t length = reader.number<std::uint32_t>();
  const bool is_plausible = reader.is_good() && length >= kFixedSize &&
                            length + kPrefixSize <= kMaxRecord &&
                            length + kPrefixSize <= input.size();
  return is_plausible ? kPrefixSize + length : 0;
}

}  // namespace

void append_record(base::Writer& out, std::uint64_t seq, Severity severity, ByteView body) {
  assert(body.size() + kRecordOverhead <= kMaxRecord);
  base::Writer fixed;
  fixed.number(seq).number(static_cast<std::uint8_t>(severity));
  out.number(static_cast<std::uint32_t>(kFixedSize + body.size()))
      .number(checksum(body, checksum(fixed.view())))
      .raw_bytes(fixed.view())
      .raw_bytes(body);
}

Result<Record> decode_record(ByteView input) {
  base::Reader reader{input};
  const auto length = reader.number<std::uint32_t>();
  const auto crc = reader.number<std::uint32_t>();
  if (!reader.is_good()) return Error{Error::Kind::Incomplete, "record head"};
  if (length < kFixedSize || length > kMaxRecord - kPrefixSize) {
    return Error{Error::Kind::Malformed, "record length"};
  }
  const ByteView content = reader.raw_bytes(length);
  if (!reader.is_good()) return Error{Error::Kind::Incomplete, "record"};
  if (checksum(content) != crc) return Error{Error::Kind::Malformed, "record checksum"};

  base::Reader fields{content};
  Record record;
  record.seq = fields.number<std::uint64_t>();
  const auto severity = fields.number<std::uint8_t>();
  if (!is_severity(severity)) return Error{Error::Kind::Malformed, "record severity"};
  record.severity = static_cast<Severity>(severity);
  record.body = fields.raw_bytes(fields.left());
  record.size = kPrefixSize + length;
  return record;
}

Survey survey(ByteView bytes, std::uint64_t first, const std::function<void(const Record&)>& take) {
  Survey result;
  result.last = first - 1;
  bool is_bad = false;
  std::size_t offset = 0;
  while (offset < bytes.size()) {
    const ByteView rest = bytes.subspan(offset);
    const auto record = decode_record(rest);
    // A number that does not rise was never written so: the record is not to be believed.
    if (record && record->seq > result.last) {
      result.has_hole = result.has_hole || is_bad;
      take(*record);
      result.last = record->seq;
      offset += record->size;
      result.good_end = offset;
      continue;
    }
    is_bad = true;
    const std::size_t step = stride(rest);
    if (step == 0) break;
    offset += step;
  }
  result.has_bad_tail = result.good_end < bytes.size();
  return result;
}

std::string segment_name(std::uint64_t first) { return fmt::format("{:020}", first); }

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
  if (name.size() != kNameDigits) return std::nullopt;
  const auto number = base::to_number<std::uint64_t>(name);
  // Numbers begin with 1; the highest is left out so that one more always exists.
  if (!number || *number == 0 || *number == UINT64_MAX) return std::nullopt;
  return number;
}

}  // namespace samhain::spool
