#pragma once

#include "sys/socket.h"

namespace samhain::server {

/// What hosts.allow and hosts.deny say of `peer` for the daemon `yule` (hosts_access(5)); true in a
/// build without libwrap.  The rules are read anew for each call; those with host names ask DNS, so
/// call it in a resolver only.
bool is_allowed_by_libwrap(const sys::Address& peer);

}  // namespace samhain::server
