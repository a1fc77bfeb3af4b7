#pragma once

#include <string_view>

namespace samhain::sys {

/// From now on a signal that only a bug sends (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP) writes one
/// line to stderr, `ALERT  :  msg="EXIT" program="PROGRAM" status="Segmentation fault"`, and then
/// has its usual effect.  Nothing else is safe in that state: no log, no flush.
void tell_fatal_signals(std::string_view program);

}  // namespace samhain::sys
