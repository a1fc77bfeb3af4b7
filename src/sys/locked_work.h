#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "samhain/result.h"
#include "sys/identity.h"

namespace samhain::sys {

/// Work on bytes that a stranger may have made; what it puts out, it emits.
using LockedWork = std::function<Result<void>(const std::function<void(std::string_view)>& emit)>;
/// Takes the next piece of that, which may be the words of whoever conquered the child.
using TakeOutput = std::function<Result<void>(std::span<char> piece)>;

/// Who does it, and how far it may go.
struct LockedWorker {
  std::string_view role;             ///< for messages
  std::optional<Identity> identity;  ///< whom it becomes; set where we are root
  std::uint64_t max_written = 0;     ///< bytes that it may write into a file that is open; 0: none
};

/// Does `work` in a child that can do nothing but compute: no root, no files but those that are
/// open, no sockets, an empty root, bounded time and memory.  Errors: what the work or `take` says;
/// Refused (the child could not be locked in, or was killed).
Result<void> work_locked_in(const LockedWorker& worker, const LockedWork& work,
                            const TakeOutput& take);

}  // namespace samhain::sys
