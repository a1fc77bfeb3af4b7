#include "sys/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace samhain::sys {
namespace {

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

int get_sets(Sets& sets) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  return static_cast<int>(syscall(SYS_capget, &header, sets.data()));
}

std::uint32_t bit(unsigned capability) { return std::uint32_t{1} << capability % 32; }

bool is_in(std::span<const unsigned> set, unsigned capability) {
  return std::find(set.begin(), set.end(), capability) != set.end();
}

}  // namespace

bool has_capability(unsigned capability) {
  Sets sets{};
  return get_sets(sets) == 0 && (sets[capability / 32].effective & bit(capability)) != 0;
}

Result<bool> has_any_capability() {
  Sets sets{};
  if (get_sets(sets) != 0) return system_error("capget", errno);
  return std::any_of(sets.begin(), sets.end(), [](const auto& set) {
    return (set.effective | set.permitted | set.inheritable) != 0;
  });
}

Result<void> limit_bounding_set(std::span<const unsigned> kept) {
  if (!has_capability(CAP_SETPCAP)) return {};
  // The kernel may know more of them than our headers: ask until it says there is no such one.
  for (unsigned capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (is_in(kept, capability)) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return system_error("PR_CAPBSET_DROP", errno);
    }
  }
  return {};
}

Result<void> set_capabilities(std::span<const unsigned> kept) {
  // EINVAL: a kernel before 4.3, which has no ambient ones.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    return system_error("PR_CAP_AMBIENT", errno);
  }
  Sets had{};
  if (get_sets(had) != 0) return system_error("capget", errno);
  Sets sets{};
  for (const unsigned capability : kept) {
    // A container's root has not all of them: what is not there cannot be kept, the rest still is.
    if ((had[capability / 32].permitted & bit(capability)) == 0) continue;
    sets[capability / 32].effective |= bit(capability);
    sets[capability / 32].permitted |= bit(capability);
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  if (syscall(SYS_capset, &header, sets.data()) != 0) return system_error("capset", errno);
  return {};
}

}  // namespace samhain::sys
