#pragma once

#include <span>

#include "config/settings.h"

namespace samhain::config {

/// What the original's agent and server knew and has no effect in ours: it is not built yet, or
/// makes no sense any more.  An option leaves its table in the commit that builds it; samhainrc(5)
/// and yulerc(5), sections NOT BUILT YET and WITHOUT USE, list the same.
std::span<const NotBuilt> agent_not_built();
std::span<const NotBuilt> server_not_built();

}  // namespace samhain::config
