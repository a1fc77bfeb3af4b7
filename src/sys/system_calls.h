#pragma once

#include "samhain/result.h"
#include "sys/sandbox.h"

namespace samhain::sys {

/// Allows the system calls of a poll loop and what `confinement` adds; all others fail with EPERM.
/// False where the kernel has no seccomp filters.
Result<bool> allow_only_calls_of(const Confinement& confinement);

/// Forbids (EPERM) what neither daemon nor any child of it has a use for and an intruder would
/// have. False where the kernel has no seccomp filters.
Result<bool> forbid_dangerous_calls();

}  // namespace samhain::sys
