#pragma once

#include "samhain/result.h"

namespace samhain::sys {

/// What Landlock leaves (landlock(7)).
struct LandlockGrants {
  bool read_files = false;  ///< files and directories below /, for reading
  bool tcp = false;         ///< bind(2) and connect(2) of TCP sockets
};

/// Takes everything else away that this kernel's Landlock knows.  Needs no_new_privs.
/// False where the kernel has no Landlock or it is switched off.
Result<bool> restrict_with_landlock(const LandlockGrants& grants);

}  // namespace samhain::sys
