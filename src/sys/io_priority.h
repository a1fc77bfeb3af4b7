#pragma once

#include "samhain/result.h"

namespace samhain::sys {

/// When the disk has several to serve (ioprio_set(2)): Idle, only when nobody else wants it; a
/// level from 0, the first, to 7, the last, of the ordinary class.
struct IoPriority {
  bool is_idle = false;
  int level = 4;
  bool operator==(const IoPriority&) const = default;
};

/// For this process, and those that it starts from now on.  Errors: System.
Result<void> set_io_priority(const IoPriority& priority);

}  // namespace samhain::sys
