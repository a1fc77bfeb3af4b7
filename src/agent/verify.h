#pragma once

#include "agent/options.h"

namespace samhain::agent {

/// `samhain --verify-database=FILE`: compares each object of a baseline with this host, by what its
/// entry says is to be compared; no configuration is read.  Differences are told on stderr, as far
/// as `-p` lets them.  The exit status: 1 for any difference or error.
int verify_baseline(const Options& options);

}  // namespace samhain::agent
