#pragma once

#include <string>
#include <string_view>

#include "samhain/result.h"

namespace samhain::config {

// What both programs' command lines print.

/// `-H`: `string=<TEXT>, hash=<HEX>`, or for an absolute path `PATH: HEX`, the SHA-256 of the
/// file's content.  Errors: System (the file cannot be read).
Result<std::string> hash_line(const std::string& operand);

/// `-c`: whose `program` is, and under which licence.
std::string copyright(std::string_view program);

}  // namespace samhain::config
