#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/codec.h"
#include "samhain/bytes.h"
#include "samhain/result.h"
#include "samhain/severity.h"

namespace samhain::spool {

/// One report as it lies in a segment: `u32 length | u32 crc32 | u64 seq | u8 severity | body`,
/// length and crc32 of all that follows the crc32.  docs/spool-format.md promises this layout.
struct Record {
  std::uint64_t seq = 0;
  Severity severity = Severity::Info;
  ByteView body;         ///< borrows from the bytes that were decoded
  std::size_t size = 0;  ///< of the whole record
};

/// What a record needs beside its body.
inline constexpr std::size_t kRecordOverhead = 4 + 4 + 8 + 1;
/// Longest record: a body of report::kMaxBody.
inline constexpr std::size_t kMaxRecord = 1'000'000 + kRecordOverhead;

void append_record(base::Writer& out, std::uint64_t seq, Severity severity, ByteView body);

/// The record at the start of `input`.  Errors: Incomplete (there is less than a record; also if
/// the length is damaged and points beyond), Malformed (length, crc32 or severity cannot be).
Result<Record> decode_record(ByteView input);

/// What became of a segment's bytes.
struct Survey {
  std::size_t good_end = 0;   ///< where the last good record ends
  bool has_hole = false;      ///< bad bytes with good records behind them
  bool has_bad_tail = false;  ///< bad bytes behind good_end
  std::uint64_t last = 0;     ///< highest number seen; first - 1 if there is none
};

/// Calls `take` for each good record, numbers rising from `first`; goes on behind a bad record
/// where its length still leads to the next.
Survey survey(ByteView bytes, std::uint64_t first, const std::function<void(const Record&)>& take);

/// A segment's file name is its first number in 20 digits.
std::string segment_name(std::uint64_t first);
std::optional<std::uint64_t> parse_segment_name(std::string_view name);

}  // namespace samhain::spool
