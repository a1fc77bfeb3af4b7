#pragma once

#include <string>
#include <vector>

#include "samhain/result.h"
#include "sys/socket.h"

namespace samhain::sys {

// All of these block on DNS: call them in a resolver process only.

/// Addresses of `host` (name or number) with `port`, in the order to try.  Errors: Missing.
Result<std::vector<Address>> addresses_of(const std::string& host, std::uint16_t port);

/// The name that the address's reverse record gives, lower case.  Errors: Missing.
Result<std::string> name_of(const Address& address);

/// The canonical name of `host`, lower case.  Errors: Missing.
Result<std::string> canonical_name_of(const std::string& host);

/// What this host calls itself: the canonical name of the node name, or, where that has no dot, its
/// numeric address (spec: client names).  Never fails: 127.0.0.1 at worst.
std::string own_name();

}  // namespace samhain::sys
