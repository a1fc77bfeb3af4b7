#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "samhain/handle.h"

namespace samhain::sys {

// The declarations of glibc 2.36 (<sys/pidfd.h>) are not usable from C++: no extern "C".

/// pidfd_open(2); owns nothing on an error (errno).
inline UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
}

/// pidfd_send_signal(2); 0 or -1 (errno).
inline int signal_pidfd(int pidfd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

}  // namespace samhain::sys
