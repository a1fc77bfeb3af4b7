#pragma once

#include <span>

#include "samhain/result.h"

namespace samhain::sys {

// By the system calls themselves: libraries ask /proc, which is out of reach in an empty root.

bool has_capability(unsigned capability);  ///< effective now
Result<bool> has_any_capability();         ///< effective, permitted or inheritable

/// Takes all but `kept` out of the bounding set, so that no execve(2) brings them back.  Does
/// nothing without CAP_SETPCAP: then no_new_privs is the barrier.
Result<void> limit_bounding_set(std::span<const unsigned> kept);

/// Effective and permitted become `kept` exactly, inheritable and ambient empty.
Result<void> set_capabilities(std::span<const unsigned> kept);

}  // namespace samhain::sys
