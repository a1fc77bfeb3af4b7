#include "agent/check_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "agent/agent.h"
#include "base/clock.h"
#include "config/checking.h"
#include "report/form.h"
#include "sys/file.h"
#include "uplink/password.h"

namespace samhain::agent {
namespace {

using config::complain;
using config::kIsFine;
using config::kIsWrong;
using config::may;
using config::print;
using config::print_row;

int check_writable(std::string_view what, const std::string& path) {
  const std::string directory = sys::directory_of(path);
  const bool is_there = config::exists(path);
  const std::string& wanted = is_there ? path : directory;
  if (may(wanted, is_there ? W_OK : W_OK | X_OK)) return kIsFine;
  const int error = errno;
  return complain(
      fmt::format("{} {}: cannot write {}: {}", what, path, wanted, std::strerror(error)),
      "make the directory, or give another path");
}

int check_paths(const Settings& settings) {
  int status = check_writable("baseline", settings.baseline_path);
  if (!settings.log.severities.is_empty()) status |= check_writable("log file", settings.log_path);
  if (settings.is_daemon) status |= check_writable("pid file", settings.pid_path);
  if (settings.exports()) status |= check_writable("spool", settings.spool_path);
  return status;
}

int check_password(const Settings& settings) {
  if (!settings.exports()) return kIsFine;
  if (settings.password_file.empty()) {
    const auto embedded = uplink::take_embedded_password();
    if (embedded) return kIsFine;
    return complain(fmt::format("no password: {}", embedded.error().text()),
                    "embed one with samhain_setpwd, or name a file in SetPasswordFile");
  }
  const auto loaded = uplink::load_password(settings.password_file);
  if (loaded) return kIsFine;
  return complain(fmt::format("password file: {}", loaded.error().text()),
                  "it must belong to root, with mode 0600, and hold 16 to 64 hex digits");
}

int check_work(const Settings& settings) {
  int status = kIsFine;
  if (settings.action == Action::None) {
    status |= complain("No action specified: init, update, or check",
                       "set ChecksumTest, or start with -t");
  }
  if (settings.watches.empty()) {
    status |= complain("No files or directories defined for checking",
                       "add file= and dir= lines to sections such as [ReadOnly]");
  }
  if (settings.action == Action::Check && !may(settings.baseline_path, R_OK)) {
    status |= complain(fmt::format("baseline {}: {}", settings.baseline_path, std::strerror(errno)),
                       "make one with samhain -t init");
  }
  return status;
}

/// What would be used.
void print_summary(const Settings& settings) {
  print_row("configuration",
            fmt::format("{} (SHA-256 {})", settings.config_path, settings.config_digest));
  print_row("own name", settings.host_name);
  print_row("baseline", settings.baseline_path);
  print_row("log file", settings.log_path);
  print_row("server", settings.exports()
                          ? fmt::format("{}, port {}", settings.server_host, settings.server_port)
                          : "none");
  print_row("spool", settings.exports() ? settings.spool_path : "none");
  print_row("daemon", settings.is_daemon ? "yes, pid file " + settings.pid_path : "no");
  print_row("watched", fmt::format("{} files and directories", settings.watches.size()));
}

}  // namespace

int check_config(const Options& options, const Paths& paths) {
  const std::int64_t now = base::SystemClock().now_ns();
  const Loading loading = load_settings(options, paths, own_name());
  if (!loading.loaded) {
    for (const Report& line :
         lines_of(loading.unusable, options.config_path.value_or(paths.config))) {
      print(report::line_of(line, report::Form::Guide));
    }
    print("The configuration cannot be used.");
    return kIsWrong;
  }
  const Settings& settings = loading.loaded->settings;
  const auto& problems = loading.loaded->problems;
  for (const config::Problem& problem : problems) {
    print(report::line_of(report_of(problem, settings.config_path, now), settings.print_layout));
  }
  int status = std::ranges::any_of(problems, config::is_mistake) ? kIsWrong : kIsFine;
  print_summary(settings);
  status |= check_work(settings) | check_paths(settings) | check_password(settings);
  return config::conclude(status);
}

}  // namespace samhain::agent
