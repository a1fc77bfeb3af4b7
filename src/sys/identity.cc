#include "sys/identity.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "sys/capabilities.h"

namespace samhain::sys {
namespace {

constexpr std::size_t kRoom = std::size_t{64} << 10;

Error refused(std::string what) { return Error{Error::Kind::Refused, std::move(what)}; }

Result<void> prove(const Identity& identity) {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (getresuid(&real, &effective, &saved) != 0 || real != identity.uid ||
      effective != identity.uid || saved != identity.uid) {
    return refused("another uid remains");
  }
  gid_t real_group = 0;
  gid_t effective_group = 0;
  gid_t saved_group = 0;
  if (getresgid(&real_group, &effective_group, &saved_group) != 0 || real_group != identity.gid ||
      effective_group != identity.gid || saved_group != identity.gid) {
    return refused("another gid remains");
  }
  if (getgroups(0, nullptr) != 0) return refused("supplementary groups remain");
  const auto has_any = has_any_capability();
  if (!has_any) return has_any.error();
  if (*has_any) return refused("capabilities remain");
  if (setuid(0) == 0) return refused("root can be had back");
  return {};
}

}  // namespace

Result<Identity> find_identity(std::span<const std::string_view> names) {
  std::vector<char> room(kRoom);
  for (const std::string_view name : names) {
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(std::string{name}.c_str(), &entry, room.data(), room.size(), &found) != 0) {
      continue;
    }
    if (found == nullptr || found->pw_uid == 0) continue;
    return Identity{std::string{name}, found->pw_uid, found->pw_gid};
  }
  return Error{Error::Kind::Missing, fmt::format("no such user: {}", fmt::join(names, ", "))};
}

Result<void> change_user(const Identity& identity) {
  if (identity.uid == 0) return refused("root is no identity to run as");
  if (setgroups(0, nullptr) != 0) return system_error("setgroups", errno);
  if (setresgid(identity.gid, identity.gid, identity.gid) != 0) {
    return system_error("setresgid", errno);
  }
  if (setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    return system_error("setresuid", errno);
  }
  return {};
}

Result<void> drop_root(const Identity& identity) {
  if (auto changed = change_user(identity); !changed) return changed;
  // A change of user clears them, unless the securebits were set by whoever started us.
  if (auto cleared = set_capabilities({}); !cleared) return cleared;
  return prove(identity);
}

}  // namespace samhain::sys
