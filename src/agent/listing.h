#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "baseline/baseline.h"
#include "samhain/result.h"

namespace samhain::agent {

/// One line of `samhain -d`: mode, links, owner, group, size or device, date, path and a link's
/// target. `now` (seconds since the epoch) decides between time and year.
std::string short_line(std::string_view directory, const baseline::Entry& entry, std::int64_t now);

/// One line of `samhain -a -d`: all that is known of the object, dates as ctime, mtime, atime.
std::string full_line(std::string_view directory, const baseline::Entry& entry);

/// Prints the baseline at `path` on stdout; `trusted`: who besides root and ourselves may write the
/// directories on the way to it.  Errors: those of baseline::Reader.
Result<void> list_baseline(const std::string& path, std::span<const uid_t> trusted,
                           bool with_all_details);

}  // namespace samhain::agent
