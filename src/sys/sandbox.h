#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/result.h"
#include "sys/identity.h"

namespace samhain::sys {

/// What one role may still do after lock_in().  Everything that is not named here is taken away.
struct Confinement {
  std::string_view role = {};               ///< for messages
  std::optional<Identity> identity = {};    ///< become this user; set only where started as root
  std::vector<unsigned> capabilities = {};  ///< CAP_… kept across the change of user; mostly none
  bool has_empty_root = false;              ///< no path leads anywhere any more
  bool may_read_files = false;              ///< Landlock: reading below / stays, all writing goes
  std::vector<int> system_calls = {};       ///< SCMP_SYS(…) numbers beyond the common ones
  /// openat(2) with O_RDONLY only, and ioctl(2) with FS_IOC_GETFLAGS only.
  bool may_open_read_only = false;
  /// socket(2) for AF_INET and AF_INET6 streams only.
  bool may_make_tcp_sockets = false;
  /// What the C library's resolver and its name service modules need: openat(2) read-only, sockets
  /// of every kind.  Goes with may_read_files, never with has_empty_root.
  bool may_resolve_names = false;
  /// How far it may write into a file that it is handed open, in bytes; 0: not at all.
  std::uint64_t max_file_size = 0;
  bool may_share_user = false;  ///< the parent's user is meant, so that it is no missing barrier
};

/// Which barriers hold now; what does not is said by the caller at severity notice.
struct Barriers {
  bool empty_root = false;
  bool landlock = false;
  bool seccomp = false;
  bool own_user = false;                  ///< runs as an identity of its own
  std::vector<std::string> missing = {};  ///< what was asked for and does not hold, and why
  std::string text() const;  ///< "no empty root (…), no Landlock (kernel)": what is missing; or ""
};

/// Locks this process in, for good: empty root (chroot(2) to a directory that no longer exists; as
/// an ordinary user inside a user namespace of its own), identity, capabilities, no-new-privileges,
/// not dumpable, limits (no core, no new files or processes beyond need), Landlock where the kernel
/// has it, seccomp with EPERM for every call that is not allowed.  The process dies with its parent
/// (prctl(2) PR_SET_PDEATHSIG).  Load time zone, users and OpenSSL before.
/// Errors: any step that the kernel has but refuses: end the process.
Result<Barriers> lock_in(const Confinement& confinement);

/// For the two parents: no-new-privileges, not dumpable, no core, capabilities (also the bounding
/// set, where it may be changed) limited to `kept_capabilities`, uid as it is, and a seccomp filter
/// against calls such as ptrace, mount, module loading, bpf, reboot.  Roles started later inherit
/// it, so keep what they need to lock themselves in: as root CAP_SETUID, CAP_SETGID, CAP_SETPCAP,
/// CAP_SYS_CHROOT, CAP_KILL and the roles' own.  Not before drop_root(), which needs them too.
Result<Barriers> restrain_parent(std::span<const unsigned> kept_capabilities);

}  // namespace samhain::sys
