#include "server/check_config.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/checking.h"
#include "report/form.h"
#include "server/config_file.h"
#include "server/jail_check.h"
#include "server/start.h"
#include "sys/file.h"
#include "sys/identity.h"
#include "sys/jail.h"
#include "uplink/password.h"

namespace samhain::server {
namespace {

using config::complain;
using config::exists;
using config::kIsFine;
using config::kIsWrong;
using config::may;
using config::print;
using config::print_row;
using sys::directory_of;

/// Whether we, whoever we are now, could make and write `path`.
int check_writable(std::string_view what, const std::string& path, const std::string& user) {
  const std::string directory = directory_of(path);
  if (!may(directory, W_OK | X_OK)) {
    const int error = errno;
    return complain(fmt::format("{} {}: {} cannot write in {}: {}", what, path, user, directory,
                                std::strerror(error)),
                    fmt::format("make the directory, owned by {}", user));
  }
  if (exists(path) && !may(path, W_OK)) {
    const int error = errno;
    return complain(
        fmt::format("{} {}: {} cannot write it: {}", what, path, user, std::strerror(error)),
        fmt::format("chown it to {}", user));
  }
  return kIsFine;
}

int check_trust(const std::string& path, const std::vector<uid_t>& trusted) {
  int status = kIsFine;
  for (const sys::Distrust& why :
       sys::find_distrust(exists(path) ? path : directory_of(path), trusted)) {
    if (why.message == "stat() failed") continue;  // said by check_writable
    status = complain(fmt::format("log file {}: {}: {}", path, why.message, why.component),
                      "take the right to write away from others, or name its owner in TrustedUser");
  }
  return status;
}

/// The password file, and where the relay's spool is to be.
int check_relay(const RelaySettings& relay, const std::string& user) {
  if (!relay.is_on()) return kIsFine;
  int status = check_writable("relay's spool", relay.spool_path, user);
  if (relay.password_file.empty()) return status;
  if (const auto password = uplink::load_password(relay.password_file); !password) {
    status = complain(password.error().text(),
                      fmt::format("put the password into that file, owned by {}, mode 0600", user));
  }
  return status;
}

/// What only the user that the server runs as can tell; root may do everything.
int check_as_user(const Settings& settings, const RelaySettings& relay,
                  const std::string& config_path, const std::string& user) {
  int status = check_writable("log file", settings.log_path, user);
  status |= check_relay(relay, user);
  status |= check_trust(settings.log_path, settings.trusted);
  if (exists(settings.data_path) && !may(settings.data_path, R_OK | X_OK)) {
    status |= complain(fmt::format("data directory {}: {} cannot read it, so clients get no files",
                                   settings.data_path, user),
                       "chmod it 0755, or chown it to that user");
  }
  if (!may(config_path, R_OK)) {
    status |= complain(fmt::format("configuration {}: {} cannot read it, so no reload would work",
                                   config_path, user),
                       fmt::format("chgrp it to the group of {} and chmod 0640", user));
  }
  return status;
}

/// Gets as far as a start: into the jail, if there is one, and rid of root.
Result<void> become(const sys::Identity& identity, const std::optional<sys::Jail>& jail) {
  if (jail) {
    if (auto entered = jail->enter(); !entered) return entered;
  }
  return sys::drop_root(identity);
}

/// The same in a process that has given up root for good, as the server will.
int check_as(const sys::Identity& identity, const std::optional<sys::Jail>& jail,
             const Settings& settings, const RelaySettings& relay, const std::string& config_path) {
  (void)std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) {
    const int error = errno;
    return complain(fmt::format("fork: {}", std::strerror(error)), "try again");
  }
  if (child == 0) {
    const auto dropped = become(identity, jail);
    const int status =
        dropped
            ? check_as_user(settings, relay, config_path, identity.name)
            : complain(fmt::format("cannot become {}: {}", identity.name, dropped.error().text()),
                       "run this as root, with all capabilities");
    (void)std::fflush(stdout);
    _exit(status);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kIsWrong;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kIsWrong;
}

/// What `jail` lacks; where it lacks nothing, `identity` becomes the one that it knows.
int check_jail(const sys::Jail& jail, std::span<const std::string> program_files,
               const ConfigFile& config, std::optional<sys::Identity>& identity) {
  int status = kIsFine;
  const std::string remedy = remedy_for(jail);
  for (const auto& missing : missing_in(jail, program_files, config.path, config.loaded.settings)) {
    status = complain("chroot: " + missing, remedy);
  }
  auto inside = find_user_in(jail);
  if (!inside) return complain("chroot: " + inside.error().text(), remedy);
  identity = std::move(*inside);
  return status;
}

/// Opens the jail for what is looked at inside.
int open_jail(const std::string& directory, bool is_root, std::optional<sys::Jail>& jail) {
  if (!is_root) {
    return complain(fmt::format("chroot {}: only a start as root can do that", directory),
                    "start it as root, or leave that out");
  }
  auto opened = sys::Jail::open(directory);
  if (!opened) {
    return complain(fmt::format("chroot {}: {}", directory, opened.error().text()),
                    fmt::format("chroot.sh {} builds a jail", directory));
  }
  jail = std::move(*opened);
  return kIsFine;
}

/// What would be used.
void print_summary(const ConfigFile& config, const RelaySettings& relay, const std::string& user,
                   bool is_daemon) {
  const Settings& settings = config.loaded.settings;
  print_row("configuration", fmt::format("{} (SHA-256 {})", config.path, config.digest));
  print_row("user", user);
  print_row(
      "listens at",
      fmt::format("{}, port {}", settings.interface ? settings.interface->text() : "all addresses",
                  settings.port));
  print_row("log file", settings.log_path);
  print_row("data directory", settings.data_path);
  print_row("command socket", settings.has_socket ? settings.socket_path : "none");
  print_row("daemon", is_daemon ? "yes, pid file " + settings.pid_path : "no");
  print_row("relays to",
            relay.is_on() ? fmt::format("{}, port {}", relay.host, relay.port) : "nobody");
  print_row("clients", std::to_string(settings.clients.size()));
}

}  // namespace

int check_config(const Options& options, const Paths& paths) {
  const auto program_files = sys::files_of_this_program();  // before more is loaded
  const std::int64_t now = base::SystemClock().now_ns();
  ConfigSource source = source_of(options, paths);
  const auto found = find_own_user();
  if (!found) return complain(found.error().what, "make one of these users");
  std::optional<sys::Identity> identity = *found;
  if (identity) source.owners.push_back(identity->uid);

  ConfigFailure failure;
  const auto config = read_config(source, now, failure);
  if (!config) {
    for (const Report& line : failure.lines) print(report::line_of(line, report::Form::Guide));
    return complain(fmt::format("configuration {}: {}", source.path, failure.reason),
                    "nothing else was looked at");
  }
  const Loaded& loaded = config->loaded;
  for (const auto& [option, reason] : options.without_use) {
    print(fmt::format("WARN   option {}: {}", option, reason));
  }
  for (const config::Problem& problem : loaded.problems) {
    print(report::line_of(report_of(problem, config->path, now), loaded.settings.print_layout));
  }
  int status = has_mistake(loaded.problems) ? kIsWrong : kIsFine;

  const std::string root = jail_of(options, loaded.settings);
  std::optional<sys::Jail> jail;
  if (!root.empty()) status |= open_jail(root, identity.has_value(), jail);
  if (jail) status |= check_jail(*jail, program_files, *config, identity);
  const bool is_daemon = options.is_daemon.value_or(loaded.settings.is_daemon);
  const std::string user = identity ? fmt::format("{} (uid {})", identity->name, identity->uid)
                                    : fmt::format("uid {} (not started as root)", geteuid());
  const RelaySettings relay = relay_of(options, loaded.settings);
  print_summary(*config, relay, user, is_daemon);
  if (!root.empty()) print_row("root directory", root);
  if (is_daemon) status |= check_writable("pid file", loaded.settings.pid_path, "who starts it");
  if (loaded.settings.has_socket) {
    status |= check_writable("command socket", loaded.settings.socket_path, "who starts it");
  }
  status |= identity ? check_as(*identity, jail, loaded.settings, relay, config->path)
                     : check_as_user(loaded.settings, relay, config->path,
                                     fmt::format("uid {}", geteuid()));
  return config::conclude(status);
}

}  // namespace samhain::server
