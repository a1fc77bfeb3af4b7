#include "sys/sandbox.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "sys/capabilities.h"
#include "sys/empty_root.h"
#include "sys/landlock.h"
#include "sys/system_calls.h"

namespace samhain::sys {
namespace {

Result<void> set_limit(__rlimit_resource resource, std::string_view name, rlim_t value = 0) {
  const rlimit limit{value, value};
  if (setrlimit(resource, &limit) != 0) return system_error(name, errno);
  return {};
}

Result<void> limit_resources([[maybe_unused]] const Confinement& confinement) {
  if (auto result = set_limit(RLIMIT_CORE, "RLIMIT_CORE"); !result) return result;
  if (auto result = set_limit(RLIMIT_NPROC, "RLIMIT_NPROC"); !result) return result;
#ifndef WITH_SANITIZERS  // a report of theirs must get into the file that stderr may be
  // A full stop for files that were handed in writable; the error, not the signal.
  if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return system_error("signal", errno);
  if (auto result = set_limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", confinement.max_file_size); !result) {
    return result;
  }
#endif
  return {};
}

Result<void> change_credentials(const Confinement& confinement) {
  if (auto limited = limit_bounding_set(confinement.capabilities); !limited) return limited;
  if (confinement.identity) {
    // The change of user would clear the permitted capabilities, also those to be kept.
    if (prctl(PR_SET_KEEPCAPS, 1) != 0) return system_error("PR_SET_KEEPCAPS", errno);
    if (auto changed = change_user(*confinement.identity); !changed) return changed;
    if (prctl(PR_SET_KEEPCAPS, 0) != 0) return system_error("PR_SET_KEEPCAPS", errno);
  }
  if (auto set = set_capabilities(confinement.capabilities); !set) return set;
  if (confinement.identity && setuid(0) == 0) {
    return Error{Error::Kind::Refused, "root can be had back"};
  }
  return {};
}

Result<void> forbid_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return system_error("PR_SET_NO_NEW_PRIVS", errno);
  }
  // No other process of this user may trace us or read our memory.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return system_error("PR_SET_DUMPABLE", errno);
  return {};
}

/// A change of credentials cleared the signal that the parent's death sends; `parent` may have died
/// in between.
Result<void> bind_to_parent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return system_error("PR_SET_PDEATHSIG", errno);
  if (getppid() != parent) return Error{Error::Kind::Missing, "the parent is gone"};
  return {};
}

Result<void> raise_file_barrier(const Confinement& confinement, Barriers& barriers) {
  const LandlockGrants grants{
      .read_files = confinement.may_read_files,
      .tcp = confinement.may_make_tcp_sockets || confinement.may_resolve_names};
  const auto restricted = restrict_with_landlock(grants);
  if (!restricted) return restricted.error();
  barriers.landlock = *restricted;
  if (!barriers.landlock) barriers.missing.emplace_back("no Landlock (kernel)");
  return {};
}

Result<void> note_seccomp(const Result<bool>& loaded, Barriers& barriers) {
  if (!loaded) return loaded.error();
  barriers.seccomp = *loaded;
  if (!barriers.seccomp) barriers.missing.emplace_back("no seccomp (kernel)");
  return {};
}

Result<Barriers> raise_barriers(const Confinement& confinement) {
  const pid_t parent = getppid();
  Barriers barriers;
  if (confinement.has_empty_root) {
    auto missing = enter_empty_root();
    if (!missing) return missing.error();
    barriers.empty_root = missing->empty();
    if (!barriers.empty_root) {
      barriers.missing.push_back(fmt::format("no empty root ({})", *missing));
    }
  }
  if (auto result = change_credentials(confinement); !result) return result.error();
  barriers.own_user = confinement.identity.has_value();
  if (!barriers.own_user && !confinement.may_share_user) {
    barriers.missing.emplace_back("no user of its own");
  }
  if (auto result = forbid_new_privileges(); !result) return result.error();
  if (auto result = bind_to_parent(parent); !result) return result.error();
  if (auto result = limit_resources(confinement); !result) return result.error();
  if (auto result = raise_file_barrier(confinement, barriers); !result) return result.error();
  // Last: it forbids all of the above.
  if (auto result = note_seccomp(allow_only_calls_of(confinement), barriers); !result) {
    return result.error();
  }
  return barriers;
}

}  // namespace

std::string Barriers::text() const { return fmt::format("{}", fmt::join(missing, ", ")); }

Result<Barriers> lock_in(const Confinement& confinement) {
  auto barriers = raise_barriers(confinement);
  if (!barriers) return barriers.error().within("locking in", confinement.role);
  return barriers;
}

Result<Barriers> restrain_parent(std::span<const unsigned> kept_capabilities) {
  Barriers barriers;
  if (auto result = limit_bounding_set(kept_capabilities); !result) return result.error();
  if (auto result = set_capabilities(kept_capabilities); !result) return result.error();
  if (auto result = forbid_new_privileges(); !result) return result.error();
  if (auto result = set_limit(RLIMIT_CORE, "RLIMIT_CORE"); !result) return result.error();
  if (auto result = note_seccomp(forbid_dangerous_calls(), barriers); !result) {
    return result.error();
  }
  return barriers;
}

}  // namespace samhain::sys
