#pragma once

#include <string>

#include "samhain/result.h"

namespace samhain::sys {

/// Makes a directory that does not exist any more the root and the working directory of this
/// process: no path leads anywhere.  With CAP_SYS_CHROOT directly, else inside a user namespace of
/// its own, which the system may forbid. Returns why the barrier is missing, "" when it stands.
/// Errors: allowed, but it failed.
Result<std::string> enter_empty_root();

}  // namespace samhain::sys
