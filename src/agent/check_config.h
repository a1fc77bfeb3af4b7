#pragma once

#include "agent/options.h"
#include "agent/settings.h"

namespace samhain::agent {

/// `samhain --check-config`: reads the configuration as a start would, says what is wrong and what
/// would be used, and whether what it needs could be read and written.  Starts and writes nothing.
/// Exit status: 0 nothing is wrong (what is not built or has no use is a warning only), 1 else.
int check_config(const Options& options, const Paths& paths);

}  // namespace samhain::agent
