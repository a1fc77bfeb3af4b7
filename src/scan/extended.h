#pragma once

#include <cstdint>
#include <string>

#include "policy/attributes.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"

namespace samhain::scan {

/// Which extended attributes a policy watches; none in most.
bool wants_extended(policy::AttributeSet attributes);

/// An object whose extended attributes are read: by its descriptor, or, where it is not opened
/// (symlinks, devices), by its name in a directory, without following a link.
struct Subject {
  int directory = -1;
  const char* name = nullptr;
  int fd = -1;
  std::uint32_t mode = 0;  ///< st_mode
};

/// Reads what `attributes` asks for into `facts`; what cannot be read is said in its place
/// ("unreadable: …").  Changes the working directory where there is no descriptor.
void read_extended(const Subject& subject, policy::AttributeSet attributes, ExtendedFacts& facts);

/// The kernel's form of an access control list (linux/posix_acl_xattr.h) as acl(5)'s short text:
/// "u::rw-,u:7:r--,g::r--,m::r--,o::r--".  Users and groups by number.  "malformed" if it is.
std::string acl_text(ByteView list);
/// What the permissions of a mode say in the same form: "u::rw-,g::r--,o::r--".
std::string acl_text(std::uint32_t mode);

/// The capabilities that a file gives (linux/capability.h, struct vfs_ns_cap_data) as in
/// getcap(8): "cap_net_admin,cap_net_raw=ep".  "malformed" if it is.
std::string capabilities_text(ByteView value);

}  // namespace samhain::scan
