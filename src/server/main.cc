// yule: the server of a host integrity monitor (yule(8)).

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/die.h"
#include "base/hex.h"
#include "base/text.h"
#include "config/command_line.h"
#include "crypto/random.h"
#include "server/check_config.h"
#include "server/options.h"
#include "server/role_process.h"
#include "server/start.h"
#include "srp/verifier.h"
#include "sys/daemon.h"
#include "sys/file.h"
#include "sys/identity.h"
#include "sys/role.h"
#include "uplink/courier.h"
#include "uplink/password.h"
#include "uplink/resolver.h"

namespace {

using samhain::server::Options;

samhain::server::Paths compiled_paths() {
  return {SERVER_CONFIG, SERVER_LOG, SERVER_PID, SERVER_SOCKET, SERVER_STATE, SERVER_HTML};
}

/// First of all it forgets the password, should this program have one: only the keeper relays.
int run_role(std::string_view name) {
  samhain::uplink::wipe_embedded_password();
  // The terminal's keys are for the keeper; when it ends, so do we.
  for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
    (void)signal(number, SIG_IGN);
  }
  if (name == "front") return samhain::server::run_front();
  if (name == "gate") return samhain::server::run_gate();
  if (name == "resolver") return samhain::server::run_resolver();
  // These two are the relay's; like the others they are meant to run as the keeper's user.
  if (name == "courier") return samhain::uplink::run_courier(true);
  if (name == "finder") return samhain::uplink::run_resolver(true);
  if (name == "syslog") return samhain::server::run_syslog();
  samhain::base::die("no such role");
}

/// Prints and makes sure that it arrived, also in a pipe or a full file.
int print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    samhain::base::die("cannot write to standard output");
  }
  return 0;
}

std::string user_text() {
  const std::string_view compiled = DEFAULT_IDENTITY;
  if (!compiled.empty()) return std::string{compiled};
  constexpr std::string_view kUsers[] = {"yule", "daemon", "nobody"};
  const auto found = samhain::sys::find_identity(kUsers);
  return found ? found->name : "none of yule, daemon, nobody exists";
}

std::string version() {
  const auto paths = compiled_paths();
#ifdef HAVE_LIBWRAP
  constexpr std::string_view kLibwrap = "yes";
#else
  constexpr std::string_view kLibwrap = "no";
#endif
  return fmt::format(
      "yule {}\n"
      "Server executable (port {}, user {})\n"
      "protocol 3, libwrap {}\n"
      "configuration {}\nlog {}\npid file {}\ncommand socket {}\ndata {}\n",
      PACKAGE_VERSION, DEFAULT_PORT, user_text(), kLibwrap, paths.config, paths.log, paths.pid,
      paths.socket, paths.data);
}

/// The first line of standard input: a password there is in no process list.
std::string password_from_stdin() {
  constexpr std::size_t kLimit = 4'096;
  const auto bytes = samhain::sys::read_all(STDIN_FILENO, kLimit);
  if (!bytes) samhain::base::die("standard input: " + bytes.error().text());
  const std::string_view text = samhain::as_text(*bytes);
  return std::string{samhain::base::trim(text.substr(0, text.find('\n')))};
}

int make_registration(const Options& options) {
  std::string password = options.password == "-" ? password_from_stdin() : options.password;
  if (const auto checked = samhain::srp::check_password(password); !checked) {
    (void)std::fputs(fmt::format("yule: {}\n", checked.error().what).c_str(), stderr);
    return 1;
  }
  const auto verifier =
      samhain::srp::make_verifier(samhain::srp::kHostPlaceholder, password,
                                  samhain::crypto::random_array<samhain::srp::kSaltSize>());
  explicit_bzero(password.data(), password.size());
  return print("Client=" + samhain::srp::registration_line(verifier) + "\n");
}

int print_hash(const std::string& operand) {
  const auto line = samhain::config::hash_line(operand);
  if (line) return print(*line + "\n");
  (void)std::fputs(fmt::format("yule: {}\n", line.error().text()).c_str(), stderr);
  return 1;
}

int run(const Options& options) {
  switch (options.task) {
    case Options::Task::ShowHelp:
      return print(samhain::server::usage());
    case Options::Task::ShowVersion:
      return print(version());
    case Options::Task::ShowCopyright:
      return print(samhain::config::copyright("yule"));
    case Options::Task::HashText:
      return print_hash(options.operand);
    case Options::Task::MakePassword:
      return print(samhain::base::upper_hex(samhain::crypto::random_array<16>()) + "\n");
    case Options::Task::MakeRegistration:
      return make_registration(options);
    case Options::Task::Serve:
      break;
  }
  if (options.only_checks) return samhain::server::check_config(options, compiled_paths());
  return samhain::server::serve(options, compiled_paths());
}

}  // namespace

int main(int argc, char** argv) {
  if (auto opened = samhain::sys::open_standard_descriptors(); !opened) {
    samhain::base::die(opened.error().text());
  }
  // Pipes and connections that break are told by the call that meets them.
  (void)signal(SIGPIPE, SIG_IGN);
  if (const auto role = samhain::sys::role_asked_for(argc, argv)) return run_role(*role);
  if (auto closed = samhain::sys::close_inherited_descriptors(); !closed) {
    samhain::base::die(closed.error().text());
  }

  const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (!arguments.empty() && samhain::server::is_control_word(arguments.front())) {
    return samhain::server::control_daemon(arguments.front(), std::span{arguments}.subspan(1),
                                           compiled_paths());
  }
  const auto options = samhain::server::parse_options(arguments);
  if (!options) {
    (void)std::fputs((options.error().what + "\n\n" + samhain::server::usage()).c_str(), stderr);
    return 1;
  }
  return run(*options);
}
