#pragma once

#include <span>
#include <string_view>

#include "agent/settings.h"

namespace samhain::agent {

/// start, stop, restart, reload, force-reload, status.
bool is_control_word(std::string_view word);

/// Carries out a control word; `arguments` are the options after it.  `start` and `restart` bring
/// up a daemon that checks, whatever these say otherwise.  Returns the exit status
/// (sys::run_control_word).
int control(std::string_view word, std::span<const std::string_view> arguments, const Paths& paths);

}  // namespace samhain::agent
