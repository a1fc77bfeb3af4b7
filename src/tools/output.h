#pragma once

#include <string_view>

namespace samhain::tools {

/// What yulectl says: each returns its exit status.

/// Prints and makes sure that it arrived, also in a pipe or a full file.
int print(std::string_view text);
/// `ERROR: …` on stderr; 1.
int fail(std::string_view why);
/// `# …` on stderr, for people: a script's output stays clean.
void remark(std::string_view text);

}  // namespace samhain::tools
