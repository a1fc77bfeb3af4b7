#include "tools/locked_reading.h"

#include <errno.h>

#include <algorithm>
#include <cstdio>
#include <span>

namespace samhain::tools {

Result<void> read_locked_in(const std::optional<sys::Identity>& identity, const Reading& reading,
                            std::uint64_t max_written) {
  if (std::fflush(stdout) != 0) return system_error("standard output", errno);
  // The child's words may be its conqueror's: nothing gets to a terminal that could steer it.
  const auto print = [](std::span<char> piece) -> Result<void> {
    std::ranges::replace_if(
        piece, [](char c) { return c != '\n' && (c < ' ' || c > '~'); }, '?');
    if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size()) {
      return system_error("standard output", errno);
    }
    return {};
  };
  auto done = sys::work_locked_in(
      {.role = "baseline reader", .identity = identity, .max_written = max_written}, reading,
      print);
  if (std::fflush(stdout) != 0 && done) return system_error("standard output", errno);
  return done;
}

}  // namespace samhain::tools
