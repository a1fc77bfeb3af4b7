#include "agent/check_config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "agent/agent.h"
#include "base/clock.h"
#include "report/form.h"
#include "uplink/password.h"

namespace samhain::agent {
namespace {

constexpr int kIsFine = 0;
constexpr int kIsWrong = 1;

void print(const std::string& line) { (void)std::fputs((line + "\n").c_str(), stdout); }

/// One thing that would go wrong, and what to do about it.
int complain(std::string_view what, std::string_view remedy) {
  print(fmt::format("ERROR  {}; {}", what, remedy));
  return kIsWrong;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool may(const std::string& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

int check_writable(std::string_view what, const std::string& path) {
  const std::string directory = directory_of(path);
  const bool is_there = access(path.c_str(), F_OK) == 0;
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
  const auto line = [](std::string_view name, const std::string& value) {
    print(fmt::format("{:<16} {}", name, value));
  };
  line("configuration",
       fmt::format("{} (SHA-256 {})", settings.config_path, settings.config_digest));
  line("own name", settings.host_name);
  line("baseline", settings.baseline_path);
  line("log file", settings.log_path);
  line("server", settings.exports()
                     ? fmt::format("{}, port {}", settings.server_host, settings.server_port)
                     : "none");
  line("spool", settings.exports() ? settings.spool_path : "none");
  line("daemon", settings.is_daemon ? "yes, pid file " + settings.pid_path : "no");
  line("watched", fmt::format("{} files and directories", settings.watches.size()));
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
  print(status == kIsFine ? "Nothing is wrong." : "The configuration is wrong, or cannot be used.");
  return status;
}

}  // namespace samhain::agent
