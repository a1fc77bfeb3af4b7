#pragma once

#include <cstdint>
#include <string>

namespace samhain::sys::testing {

inline constexpr std::uint16_t kEcho = 16;    ///< comes back as it went
inline constexpr std::uint16_t kExit = 17;    ///< ends the role with status 3, after an echo
inline constexpr std::uint16_t kBreach = 18;  ///< makes the role send what it may not

/// Runs the role `name` of the test program and returns its exit status.
int run_role(const std::string& name);

/// A daemon that holds `pid_path` until TERM, answers HUP, and does as `manner` says: "good",
/// "fails" (status 5 before it is ready) or "dies" (by SIGKILL before it is ready).
int run_daemon(const std::string& pid_path, const std::string& manner);

}  // namespace samhain::sys::testing
