#include "sys/io_priority.h"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace samhain::sys {

Result<void> set_io_priority(const IoPriority& priority) {
  const int value = priority.is_idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)
                                     : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, priority.level);
  // The C library has no function for it.
  if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) == 0) return {};
  return system_error("ioprio_set", errno);
}

}  // namespace samhain::sys
