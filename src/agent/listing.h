#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "baseline/baseline.h"

namespace samhain::agent {

/// One line of `samhain -d`: mode, links, owner, group, size or device, date, path and a link's
/// target. `now` (seconds since the epoch) decides between time and year.
std::string short_line(std::string_view directory, const baseline::Entry& entry, std::int64_t now);

/// One line of `samhain -a -d`: all that is known of the object, dates as ctime, mtime, atime; at
/// the end what few objects have: access control lists, capabilities, label, attributes, and a
/// second digest.
std::string full_line(std::string_view directory, const baseline::Entry& entry);

/// The same of `--delimited`, fields separated by commas, path and link in quotes, the last one
/// `no_attr` where there is nothing.
std::string delimited_line(std::string_view directory, const baseline::Entry& entry);

/// The same of `--json`: an object (RFC 8259) with everything that the baseline has of it, exact to
/// the nanosecond and to the byte (samhain(8)): a text that is no UTF-8 has `_base64` behind its
/// key.
std::string json_line(std::string_view directory, const baseline::Entry& entry);

}  // namespace samhain::agent
