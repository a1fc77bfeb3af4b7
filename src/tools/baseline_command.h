#pragma once

#include <span>

namespace samhain::tools {

/// Is this call about baselines that wait for approval (`yulectl baseline …`)?
bool is_baseline_call(std::span<char* const> arguments);

/// Carries it out and returns the exit status (yulectl(8)).  Works on the files themselves: only
/// root may, for the server's user cannot write what clients trust.
int run_baseline_call(std::span<char* const> arguments);

}  // namespace samhain::tools
