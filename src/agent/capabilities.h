#pragma once

#include <linux/capability.h>

#include <array>

namespace samhain::agent {

/// What is left of root to the scanner: to start roles and lock them in, and to hand the measurers
/// theirs.
inline constexpr std::array<unsigned, 7> kScannerCapabilities = {
    CAP_KILL, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SYS_CHROOT, CAP_DAC_READ_SEARCH, CAP_FOWNER};

}  // namespace samhain::agent
