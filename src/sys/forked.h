#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::sys {

/// Work under way in a copy of this process (fork(2)): it sees everything as it is at that moment,
/// and we go on meanwhile.  Only for a process without threads.
struct Forked {
  pid_t pid = -1;
  UniqueFd result;  ///< becomes readable when the work is done, or its process has died
};

/// Runs `work` in a copy, at low priority, without any of our descriptors but the standard ones;
/// what it returns, at most PIPE_BUF bytes, is its result.
Result<Forked> fork_work(const std::function<Bytes()>& work);

/// The result; empty if its process died.  Waits for at most `patience`, then ends it.
Bytes collect(Forked forked, std::chrono::milliseconds patience);

}  // namespace samhain::sys
