// samhain: the agent of a host integrity monitor (samhain(8)).

#include <fmt/format.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "agent/check_config.h"
#include "agent/connection_check.h"
#include "agent/control.h"
#include "agent/history.h"
#include "agent/import_database.h"
#include "agent/list_baseline.h"
#include "agent/options.h"
#include "agent/place.h"
#include "agent/settings.h"
#include "agent/verify.h"
#include "base/die.h"
#include "config/command_line.h"
#include "scan/measurer_pool.h"
#include "sys/daemon.h"
#include "sys/role.h"
#include "uplink/courier.h"
#include "uplink/password.h"
#include "uplink/resolver.h"

namespace {

using samhain::agent::Options;

samhain::agent::Paths compiled_paths() {
  return {CLIENT_CONFIG, CLIENT_LOG, CLIENT_PID, CLIENT_STATE, CLIENT_DATA};
}

/// A process of ours that was started by the scanner: first of all it forgets the password.
int run_role(std::string_view name) {
  samhain::uplink::wipe_embedded_password();
  // What is sent to all of us, by a terminal's keys or a service manager, is for the scanner to
  // answer; when it ends, so do we.
  for (const int number :
       {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
    (void)signal(number, SIG_IGN);
  }
  if (name == "measurer") return samhain::scan::run_measurer();
  if (name == "courier") return samhain::uplink::run_courier();
  if (name == "resolver") return samhain::uplink::run_resolver();
  samhain::base::die("no such role");
}

/// Prints and makes sure that it arrived, also in a pipe or a full file.
int print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    samhain::base::die("cannot write to standard output");
  }
  return 0;
}

std::string version() {
  const auto paths = compiled_paths();
  const std::string server = *DEFAULT_LOG_SERVER == '\0' ? "none" : DEFAULT_LOG_SERVER;
  return fmt::format(
      "samhain {}\n"
      "protocol 3, port {}, server {}\n"
      "configuration {}\nbaseline {}\nlog {}\npid file {}\nstate directory {}\n",
      PACKAGE_VERSION, DEFAULT_PORT, server, paths.config, paths.baseline, paths.log, paths.pid,
      paths.state);
}

int list(const Options& options) {
  std::string path = options.operand;
  std::vector<uid_t> trusted;  // the configuration speaks of its own baseline only
  if (path == "default") {
    const auto loading =
        samhain::agent::load_settings(options, compiled_paths(), samhain::agent::own_name());
    path = loading.loaded ? loading.loaded->settings.baseline_path
                          : samhain::agent::place_of(compiled_paths().baseline).local;
    if (loading.loaded) trusted = loading.loaded->settings.trusted;
  }
  if (!options.shows_history) return samhain::agent::list_baseline(path, trusted, options);
  const auto listed = samhain::agent::list_history(path, trusted, {}, options.is_json);
  if (listed) return 0;
  (void)std::fputs(fmt::format("ERROR: can't list {}: {}\n", path, listed.error().text()).c_str(),
                   stderr);
  return 1;
}

int hash(const std::string& operand) {
  const auto line = samhain::config::hash_line(operand);
  if (line) return print(*line + "\n");
  (void)std::fputs(fmt::format("ERROR: {}\n", line.error().text()).c_str(), stderr);
  return 1;
}

int run(const Options& options) {
  switch (options.task) {
    case Options::Task::ShowHelp:
      return print(samhain::agent::usage());
    case Options::Task::ShowVersion:
      return print(version());
    case Options::Task::ShowCopyright:
      return print(samhain::config::copyright("samhain"));
    case Options::Task::PrintOwnName:
      return print(samhain::agent::own_name() + "\n");
    case Options::Task::HashText:
      return hash(options.operand);
    case Options::Task::ListBaseline:
      return list(options);
    case Options::Task::VerifyBaseline:
      return samhain::agent::verify_baseline(options);
    case Options::Task::ImportDatabase:
      return samhain::agent::import_database(options, compiled_paths());
    case Options::Task::Run:
      break;
  }
  if (options.tests_connection) {
    return samhain::agent::check_connection(options, compiled_paths());
  }
  if (options.only_checks) return samhain::agent::check_config(options, compiled_paths());
  return samhain::agent::run_agent(options, compiled_paths());
}

}  // namespace

int main(int argc, char** argv) {
  if (auto opened = samhain::sys::open_standard_descriptors(); !opened) {
    samhain::base::die(opened.error().text());
  }
  // Pipes and connections that break are told by the call that meets them.
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGALRM, SIG_IGN);
  if (const auto role = samhain::sys::role_asked_for(argc, argv)) return run_role(*role);

  const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (!arguments.empty() && samhain::agent::is_control_word(arguments.front())) {
    return samhain::agent::control(arguments.front(), std::span{arguments}.subspan(1),
                                   compiled_paths());
  }
  const auto looked_up = samhain::agent::look_up(arguments, compiled_paths());
  if (looked_up) return *looked_up;
  const bool is_update = !arguments.empty() && arguments.front() == "update";
  const auto options = is_update ? samhain::agent::parse_update(std::span{arguments}.subspan(1))
                                 : samhain::agent::parse_options(arguments);
  if (!options) {
    (void)std::fputs((options.error().what + "\n\n" + samhain::agent::usage()).c_str(), stderr);
    return 1;
  }
  return run(*options);
}
