#pragma once

#include "agent/options.h"
#include "agent/settings.h"

namespace samhain::agent {

/// `samhain --import-database=OLD`: makes the configured baseline from a database of samhain 3.x or
/// 4.x, so that a host keeps its trust.  OLD itself is only read, by a process that is locked in;
/// if it lies where the baseline is to be, it keeps a second name, `OLD.original`.  A baseline that
/// is there already is not replaced.  What happens is told on stderr.  The exit status.
int import_database(const Options& options, const Paths& paths);

}  // namespace samhain::agent
