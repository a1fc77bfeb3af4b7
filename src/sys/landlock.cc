#include "sys/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "samhain/handle.h"

namespace samhain::sys {
namespace {

// Debian 12's headers end at version 2; the numbers of later ones are those of the kernel's
// include/uapi/linux/landlock.h.
constexpr std::uint64_t kFirstRights = (1ULL << 13) - 1;  // version 1: bits 0 to 12
constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kRefer = 1ULL << 13;              // version 2
constexpr std::uint64_t kTruncate = 1ULL << 14;           // version 3
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;        // version 5
constexpr std::uint64_t kTcp = 1ULL << 0 | 1ULL << 1;     // version 4: bind, connect
constexpr std::uint64_t kScopes = 1ULL << 0 | 1ULL << 1;  // version 6: abstract sockets, signals

struct Attributes {
  std::uint64_t files;
  std::uint64_t net;     // from version 4
  std::uint64_t scoped;  // from version 6
};

Attributes rights_of(long version, const LandlockGrants& grants) {
  Attributes rights{.files = kFirstRights, .net = 0, .scoped = 0};
  if (version >= 2) rights.files |= kRefer;
  if (version >= 3) rights.files |= kTruncate;
  if (version >= 4 && !grants.tcp) rights.net = kTcp;
  if (version >= 5) rights.files |= kIoctlDevice;
  if (version >= 6) rights.scoped = kScopes;
  // What the ruleset does not handle stays allowed.  A rule that grants reading below / would say
  // the same, but the kernel then walks from each opened file up to the root: a quarter of a scan
  // of deep trees.  Truncating needs a call or a flag that the seccomp filter refuses.
  if (grants.read_files) rights.files &= ~(kReading | kTruncate);
  return rights;
}

std::size_t size_of(long version) {
  if (version >= 6) return sizeof(Attributes);
  return version >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
}

}  // namespace

Result<bool> restrict_with_landlock(const LandlockGrants& grants) {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) return false;
  if (version < 0) return system_error("landlock_create_ruleset", errno);

  const Attributes rights = rights_of(version, grants);
  const UniqueFd ruleset{
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &rights, size_of(version), 0))};
  if (!ruleset) return system_error("landlock_create_ruleset", errno);
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return system_error("landlock_restrict_self", errno);
  }
  return true;
}

}  // namespace samhain::sys
