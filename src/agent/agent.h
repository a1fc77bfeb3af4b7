#pragma once

#include <string>
#include <vector>

#include "agent/options.h"
#include "agent/settings.h"

namespace samhain::agent {

/// The ordinary run of samhain: reads the configuration, starts the other processes and checks,
/// once or again and again (`-f`, daemon).  Returns the exit status of the program (samhain(8)).
int run_agent(const Options& options, const Paths& paths);

/// The lines that tell why a configuration cannot be used.
std::vector<Report> lines_of(const Unusable& unusable, const std::string& path);

/// What this host calls itself, found out by a resolver; 127.0.0.1 where that fails.
std::string own_name();

}  // namespace samhain::agent
