#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "samhain/result.h"

namespace samhain::sys {

/// What a process says when a signal that means a fault of its own ends it.
struct LastWords {
  int signal = 0;
  std::string line;  ///< with its newline; cut at kMaxLastWords
  std::size_t time_at =
      0;  ///< where "2026-11-22T20:48:52" stands in it: the time is put there then
};
inline constexpr std::size_t kMaxLastWords = 512;
inline constexpr std::size_t kMostLastWords = 8;

/// From now on each of these signals writes its line on stderr and at the end of the file at
/// `log_path` (if that is not empty and can be opened), and then ends the process as it would have.
/// One that another process sent (kill(2)) is ignored, but for SIGABRT.  Only what a signal handler
/// may do is done (signal-safety(7)).  `utc_offset_s`: local time less UTC.  May be called again,
/// for a new path.  Errors: System, Limit (too many, or a path too long).
Result<void> prepare_last_words(std::span<const LastWords> words, const std::string& log_path,
                                long utc_offset_s);

}  // namespace samhain::sys
