#include "server/jail_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sys/file.h"

namespace samhain::server {
namespace {

// mem(4), null(4)
constexpr unsigned kNullMajor = 1;
constexpr unsigned kNullMinor = 3;

/// Opened and not only looked at: on a file system mounted with nodev it is there and of no use.
std::string fault_of_null(const sys::Jail& jail) {
  const auto null = jail.find("/dev/null", O_RDWR);
  if (!null) return null.error().text();
  struct stat facts {};
  const bool is_null = fstat(null->get(), &facts) == 0 && S_ISCHR(facts.st_mode) &&
                       facts.st_rdev == makedev(kNullMajor, kNullMinor);
  return is_null ? std::string{} : fmt::format("{}/dev/null: not that device", jail.directory());
}

}  // namespace

std::vector<std::string> missing_in(const sys::Jail& jail,
                                    std::span<const std::string> program_files,
                                    const std::string& config_path, const Settings& settings) {
  std::vector<std::string> missing;
  const auto need = [&](const std::string& path, std::uint64_t flags, std::string_view what_for) {
    const auto found = jail.find(path, flags);
    if (!found) missing.push_back(fmt::format("{} ({})", found.error().text(), what_for));
  };
  for (const std::string& path : program_files) need(path, O_PATH, "the program needs it");
  if (std::string fault = fault_of_null(jail); !fault.empty()) missing.push_back(std::move(fault));
  need(config_path, O_PATH, "a reload reads it there");
  need(sys::directory_of(settings.log_path), O_PATH | O_DIRECTORY, "for the log file");
  need(settings.data_path, O_PATH | O_DIRECTORY, "for what clients fetch");
#ifdef HAVE_LIBWRAP
  // Without them every address would be let in.
  for (const char* rules : {"/etc/hosts.allow", "/etc/hosts.deny"}) {
    if (access(rules, F_OK) == 0) need(rules, O_PATH, "this host has one: who may connect");
  }
#endif
  return missing;
}

std::string remedy_for(const sys::Jail& jail) {
  return fmt::format("chroot.sh {} makes what a jail lacks; yule(8), section CHROOT",
                     jail.directory());
}

}  // namespace samhain::server
