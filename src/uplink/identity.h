#pragma once

#include <optional>

#include "sys/identity.h"

namespace samhain::uplink {

/// Whom our unprivileged processes run as: the first existing of samhain, daemon, nobody; nothing
/// when we are not root ourselves and cannot choose.  Ends the process if none of them exists.
std::optional<sys::Identity> role_identity();

}  // namespace samhain::uplink
