#pragma once

#include "agent/options.h"
#include "agent/settings.h"

namespace samhain::agent {

/// `--test-connection`: each step from this host's name to the files that the server offers, what
/// came of it, and what to do where one fails (docs/HOWTO-troubleshooting).  On standard output.
/// The exit status: 0 where all works that the configuration needs, else 1.
int check_connection(const Options& options, const Paths& paths);

}  // namespace samhain::agent
