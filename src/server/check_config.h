#pragma once

#include "server/options.h"
#include "server/start.h"

namespace samhain::server {

/// `yule --check-config`: reads the configuration as a start would, says what is wrong and what
/// would be used, and whether the server's user could work with it.  Starts and writes nothing.
/// Exit status: 0 nothing is wrong (what is not built or has no use is a warning only), 1 else.
int check_config(const Options& options, const Paths& paths);

}  // namespace samhain::server
