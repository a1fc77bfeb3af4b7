#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>

#include "samhain/result.h"

namespace samhain::sys {

/// A user to run as.
struct Identity {
  std::string name = {};
  uid_t uid = 0;
  gid_t gid = 0;
};

/// The first of `names` that exists here (getpwnam(3)) and is not root.
/// Errors: Missing (none of them exists; the text names them all).
Result<Identity> find_identity(std::span<const std::string_view> names);

/// Groups, gid, uid, in that order, and no more: what drop_root() and lock_in() begin with.
Result<void> change_user(const Identity& identity);

/// Gives up root for good, in the order groups, gid, uid, and proves it: all three uids and gids
/// are the identity's, no supplementary groups, no capabilities, and setuid(0) fails. Errors:
/// System, Refused (root could be had back: end the process).
Result<void> drop_root(const Identity& identity);

}  // namespace samhain::sys
