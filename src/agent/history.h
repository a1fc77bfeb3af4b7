#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/findings.h"
#include "agent/settings.h"
#include "baseline/baseline.h"
#include "samhain/result.h"

namespace samhain::agent {

/// One accepted change as a line: time, change, path, who and why, blank-separated; the path as the
/// log escapes it.  Or as a JSON object (time in seconds since the epoch).
std::string history_line(const baseline::Approval& approval);
std::string history_json(const baseline::Approval& approval);
std::string finding_line(const Finding& finding);
std::string finding_json(const Finding& finding);

/// Prints the accepted changes that the baseline at `file` keeps, oldest first, on stdout; of
/// `path` alone where that is not empty.  Errors: those of baseline::Reader; System.
Result<void> list_history(const std::string& file, std::span<const uid_t> trusted,
                          std::string_view path, bool as_json);

/// Carries out `samhain findings` and `samhain history` and returns the exit status: 0, or 1 if it
/// cannot be done; nothing if `arguments` are another command's.
std::optional<int> look_up(std::span<const std::string_view> arguments, const Paths& paths);

}  // namespace samhain::agent
