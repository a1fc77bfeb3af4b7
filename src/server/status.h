#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/roster.h"

namespace samhain::server {

/// The answer to CLIENTS: a client a line: name, state, last contact (seconds since the epoch, 0
/// for never), address or "-", last number.
std::string list_of(const Roster& roster);

/// The answer to STATUS: `key<TAB>value` lines.
using StatusLines = std::vector<std::pair<std::string, std::string>>;
std::string status_of(const StatusLines& lines);

}  // namespace samhain::server
