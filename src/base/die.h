#pragma once

#include <string_view>

namespace samhain::base {

/// Says why on stderr and ends the process with status 1.  For `main` and the set-up of a process
/// only: later, failure is a Result.
[[noreturn]] void die(std::string_view why);

}  // namespace samhain::base
