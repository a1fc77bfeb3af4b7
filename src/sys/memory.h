#pragma once

namespace samhain::sys {

/// True if this process may lock memory (mlock(2)): keys and passwords then never reach swap.
/// RLIMIT_MEMLOCK may forbid it; `Using insecure memory` says so at start.
bool can_lock_memory();

}  // namespace samhain::sys
