#pragma once

#include <chrono>
#include <string>

#include "samhain/result.h"

namespace samhain::config {

inline constexpr std::chrono::seconds kShellLimit{120};

struct ShellOutcome {
  bool succeeded = false;  ///< it exited, with status 0
  std::string first_line;  ///< of its standard output, without the newline; at most kMaxLine bytes
};

/// Runs `/bin/sh -c command` and waits for it: umask 077, standard input from /dev/null, and
/// nothing in its environment but PATH, SHELL, IFS and our TZ.  Output beyond the first line is
/// thrown away. Errors: System; Timeout (its whole process group is killed).
Result<ShellOutcome> run_shell(const std::string& command, std::chrono::milliseconds limit);

}  // namespace samhain::config
