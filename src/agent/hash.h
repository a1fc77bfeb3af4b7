#pragma once

#include <string>

#include "samhain/result.h"

namespace samhain::agent {

/// What `samhain -H` prints: `string=<TEXT>, hash=<HEX>`, or for an absolute path `PATH: HEX`, the
/// SHA-256 of the file's content.  Errors: System (the file cannot be read).
Result<std::string> hash_line(const std::string& operand);

}  // namespace samhain::agent
