#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/options.h"
#include "agent/settings.h"
#include "samhain/result.h"

namespace samhain::agent {

/// The paths of a LIST for --create-database: one absolute path a line, `#` begins a comment.
/// Errors: Malformed; the text names the line and says what would be right.
Result<std::vector<std::string>> parse_path_list(std::string_view text);

/// Makes of `settings` those of a run that writes a delta: an init of the paths in the LIST only,
/// each with the policy ReadOnly, into the file that -o names; without it into file.HOST.UUID in
/// the working directory.  What does not exist comes into it as absent.
/// Errors: those of reading LIST, and of parse_path_list().
Result<void> settings_for_delta(const Options& options, Settings& settings);

}  // namespace samhain::agent
