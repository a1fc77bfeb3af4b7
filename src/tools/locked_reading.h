#pragma once

#include <cstdint>
#include <optional>

#include "samhain/result.h"
#include "sys/identity.h"
#include "sys/locked_work.h"

namespace samhain::tools {

/// Work on a file that a stranger may have made, with its output as text.
using Reading = sys::LockedWork;

/// Does `reading` in a child that can do nothing but compute: no root, no files but those that are
/// open, no sockets, an empty root, bounded time and memory.  What it puts out goes to standard
/// output, and is nothing but printable ASCII, whatever became of the child.  It can write into the
/// descriptors that are open, up to `max_written` bytes of each.
/// Errors: what the reading says; Refused (the child could not be locked in, or was killed).
Result<void> read_locked_in(const std::optional<sys::Identity>& identity, const Reading& reading,
                            std::uint64_t max_written = 0);

}  // namespace samhain::tools
