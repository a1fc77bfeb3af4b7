#pragma once

#include <cstddef>

#include "samhain/bytes.h"
#include "samhain/report.h"
#include "samhain/result.h"

namespace samhain::report {

/// Longest encoded report, in bytes: it fits a frame with its number and MAC.
inline constexpr std::size_t kMaxBody = 1'000'000;

/// `u8 severity | u16 class | i64 time_ns | u16 n | n * (text key, bytes value)`, docs/protocol.md
/// section 5.  A report too long for kMaxBody loses the end of its longest values.
Bytes encode(const Report& report);

/// Errors: Malformed (short, long, unknown severity or class, key not `[A-Za-z0-9_.]+`), Limit.
Result<Report> decode(ByteView body);

}  // namespace samhain::report
