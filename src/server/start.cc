#include "server/start.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "crypto/prepare.h"
#include "report/catalog.h"
#include "report/form.h"
#include "server/jail_check.h"
#include "server/keeper.h"
#include "sink/exit_words.h"
#include "sys/file.h"
#include "sys/identity.h"
#include "sys/remover.h"
#include "sys/resolve.h"
#include "sys/role_process.h"
#include "sys/sandbox.h"
#include "sys/socket.h"

namespace samhain::server {
namespace {

constexpr std::array<std::string_view, 6> kWords = {"start",  "stop",         "restart",
                                                    "reload", "force-reload", "status"};

/// Whom a start as root may become, the first that there is.
std::span<const std::string_view> user_names() {
  static constexpr std::string_view kCompiled = DEFAULT_IDENTITY;
  static constexpr std::array<std::string_view, 3> kUsers = {"yule", "daemon", "nobody"};
  if (!kCompiled.empty()) return std::span{&kCompiled, 1};
  return kUsers;
}

/// Any user may connect to it; whom it serves is decided by the peer's uid.
constexpr mode_t kSocketMode = 0666;

/// Where stderr cannot be written there is nobody to tell.
void complain(const std::string& text) { (void)std::fputs((text + "\n").c_str(), stderr); }

/// One start of the daemon, up to the moment when the keeper takes over.
class Start {
 public:
  Start(const Options& options, const Paths& paths) : program_files_(sys::files_of_this_program()) {
    ground_.options = options;
    ground_.source = source_of(options, paths);
  }

  int run() {
    crypto::prepare();
    tzset();  // in a jail there may be no time zone
    // On stderr only: the log belongs to the ledger.
    (void)sink::prepare_exit_words("Yule", report::Form::Guide, {}, clock_.now_ns());
    const bool is_ready = find_user() && read_configuration() && detach() && take_pid_file() &&
                          open_control() && enter_jail() && load_certificate() && bind() &&
                          give_up_root() && open_journal();
    if (!is_ready) return give_up();
    closelog();
    auto keeper = Keeper::create(clock_, std::move(ground_));
    return keeper ? (*keeper)->run() : 1;
  }

 private:
  const Settings& settings() const { return ground_.config.loaded.settings; }

  /// On stderr whatever the thresholds say, and a daemon's in syslog as well, for nobody may look
  /// at what init sees: a start that fails in silence helps nobody.
  void say(const Report& report) const {
    const std::string line = report::line_of(report, settings().print_layout);
    complain(line);
    if (ground_.detached) syslog(LOG_ERR, "%s", line.c_str());
  }
  void say(const report::Event& event, std::vector<Field> fields) const {
    say(report::make(event, clock_.now_ns(), std::move(fields)));
  }
  /// Where a path that we name is.
  std::string place() const {
    return ground_.jail_path.empty() ? "" : fmt::format(" (inside {})", ground_.jail_path);
  }
  static void hint(std::string_view text) { complain(fmt::format("yule: {}", text)); }

  int give_up() {
    // A wrong line may be why: the sinks that would tell of it are not open.
    for (const config::Problem& problem : ground_.config.loaded.problems) {
      say(report_of(problem, ground_.config.path, clock_.now_ns()));
    }
    say(report::kExit, {{"program", "Yule"}, {"status", "exit_failure"}});
    if (ground_.pid_file) ground_.pid_file->remove();
    if (ground_.remover) {
      ground_.remover->remove();
    } else if (ground_.control_listener) {
      (void)unlink(settings().socket_path.c_str());
    }
    return 1;
  }

  bool find_user() {
    auto found = find_own_user();
    if (!found) {
      hint(fmt::format("{}; make one of these users, or configure with --enable-identity=USER",
                       found.error().what));
      return false;
    }
    identity_ = std::move(*found);
    // Its user owns the configuration in a proper installation, and reads it again at SIGHUP.
    if (identity_) ground_.source.owners.push_back(identity_->uid);
    return true;
  }

  bool read_configuration() {
    ConfigFailure failure;
    auto config = read_config(ground_.source, clock_.now_ns(), failure);
    if (!config) {
      for (const Report& line : failure.lines) say(line);
      hint(fmt::format("configuration {}: {}", ground_.source.path, failure.reason));
      return false;
    }
    ground_.config = std::move(*config);
    return true;
  }

  /// Everything that lies outside is done by now; whoever reads the configuration again, opens the
  /// log, or starts a role, does it inside.
  bool enter_jail() {
    const std::string directory = jail_of(ground_.options, settings());
    if (directory.empty()) return true;
    const auto failed = [&directory](const Error& error) {
      hint(fmt::format("chroot {}: {}", directory, error.text()));
      return false;
    };
    if (!identity_) return failed(Error{Error::Kind::Refused, "only a start as root can do that"});
    auto jail = sys::Jail::open(directory);
    if (!jail) return failed(jail.error());
    if (!is_complete(*jail)) return false;
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      if (sys::is_directory(fd)) {
        return failed(Error{Error::Kind::Refused,
                            fmt::format("descriptor {} is a directory, which would lead out of the "
                                        "jail; start yule with </dev/null",
                                        fd)});
      }
    }
    auto inside = find_user_in(*jail);
    if (!inside) {
      hint(remedy_for(*jail));
      return failed(inside.error());
    }
    identity_ = std::move(*inside);
    ground_.source.owners = {identity_->uid};

    if (auto kept = sys::keep_program(); !kept) return failed(kept.error());
    std::vector<std::string> outside;
    if (ground_.pid_file) outside.push_back(settings().pid_path);
    if (ground_.control_listener) outside.push_back(settings().socket_path);
    if (!outside.empty()) {
      auto remover = sys::Remover::start(outside, identity_);
      if (!remover) return failed(remover.error());
      ground_.remover = std::move(*remover);
    }
    if (auto entered = jail->enter(); !entered) return failed(entered.error());
    ground_.jail_path = directory;
    return true;
  }

  bool is_complete(const sys::Jail& jail) const {
    const auto missing = missing_in(jail, program_files_, ground_.source.path, settings());
    for (const std::string& one : missing) hint("chroot: " + one);
    if (!missing.empty()) hint(remedy_for(jail));
    return missing.empty();
  }

  /// As root: the key need not be readable for anybody else.
  bool load_certificate() {
    const Settings& wanted = settings();
    if (wanted.certificate_path.empty() && wanted.key_path.empty()) return true;
    auto loaded =
        SiteCertificate::load(wanted.certificate_path, wanted.key_path, ground_.source.owners);
    if (loaded) {
      ground_.certificate = std::move(*loaded);
      return true;
    }
    hint(
        fmt::format("{}{}; SetServerCertificate and SetServerKey name two files in PEM that belong "
                    "together, or leave both out",
                    loaded.error().text(), place()));
    return false;
  }

  bool detach() {
    if (!ground_.options.is_daemon.value_or(settings().is_daemon)) return true;
    auto detached = sys::Detached::detach();
    if (!detached) {
      hint(detached.error().text());
      return false;
    }
    ground_.detached = std::move(*detached);
    openlog("yule", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    return true;
  }

  bool take_pid_file() {
    if (!ground_.detached) return true;
    auto file = sys::PidFile::create(settings().pid_path);
    if (!file) {
      say(report::kPidFileFailed,
          {{"userid", std::to_string(geteuid())}, {"path", settings().pid_path}});
      hint(file.error().text());
      return false;
    }
    ground_.pid_file = std::move(*file);
    return true;
  }

  bool bind() {
    if (auto raised = sys::raise_descriptor_limit(); !raised) hint(raised.error().text());
    auto listeners = sys::listen_tcp(settings().interface, settings().port);
    if (!listeners) {
      const Error& error = listeners.error();
      const std::string why = error.sys_errno != 0 ? std::strerror(error.sys_errno) : error.what;
      say(report::make_filled(report::kPanic, {why}, clock_.now_ns(),
                              {{"program", "Yule"}, {"subroutine", "bind"}}));
      hint(fmt::format("cannot listen: address {}, port {}, uid {}: {}",
                       settings().interface ? settings().interface->text() : "any", settings().port,
                       geteuid(), error.text()));
      return false;
    }
    ground_.listeners = std::move(*listeners);
    return bind_syslog();
  }

  bool bind_syslog() {
    if (!settings().receives_syslog) return true;
    auto sockets = sys::bind_udp(settings().interface, settings().syslog_port);
    if (!sockets) {
      say(report::make_filled(report::kPanic, {sockets.error().text()}, clock_.now_ns(),
                              {{"program", "Yule"}, {"subroutine", "bind"}}));
      hint(
          fmt::format("cannot receive syslog: {}; stop the syslog server that has the port, give "
                      "another SetUDPPort, or say SetUDPActive=no",
                      sockets.error().text()));
      return false;
    }
    ground_.syslog_sockets = std::move(*sockets);
    return true;
  }

  /// Without the command socket the server serves all the same; that it is missing is said.
  bool open_control() {
    if (!settings().has_socket) return true;
    auto listener = sys::listen_unix(settings().socket_path, kSocketMode);
    if (listener) {
      ground_.control_listener = std::move(*listener);
      return true;
    }
    say(report::make_filled(report::kCallFailed, {listener.error().text()}, clock_.now_ns(),
                            {{"interface", "listen"}, {"path", settings().socket_path}}));
    return true;
  }

  bool give_up_root() {
    if (identity_) {
      if (auto dropped = sys::drop_root(*identity_); !dropped) {
        hint(dropped.error().text());
        return false;
      }
    }
    auto restrained = sys::restrain_parent({});
    if (!restrained) {
      hint(restrained.error().text());
      return false;
    }
    ground_.missing_barriers = restrained->text();
    return true;
  }

  bool open_journal() {
    (void)umask(027);
    const sink::LogFile::Settings log_settings{settings().log_path, settings().log_layout,
                                               settings().trusted};
    auto log = sink::LogFile::open(log_settings);
    if (!log && may_start_without(log.error())) {
      ground_.journal = std::make_unique<Journal>(log_settings, log.error());
      return open_relay();
    }
    if (!log) {
      for (const Report& line :
           sink::LogFile::explain_failure(log_settings, log.error(), clock_.now_ns())) {
        say(line);
      }
      say(report::kServiceFailure, {{"service", "logfile"}, {"obj", settings().log_path}});
      hint(log.error().text() + place());
      return false;
    }
    auto ledger = Ledger::open(settings().log_path + ".ledger", settings().log_path);
    if (!ledger) {
      say(report::kServiceFailure,
          {{"service", "ledger"}, {"obj", settings().log_path + ".ledger"}});
      hint(ledger.error().text() + place());
      return false;
    }
    ground_.journal = std::make_unique<Journal>(std::move(*log), std::move(*ledger));
    return open_relay();
  }

  bool open_relay() {
    ground_.relay = relay_of(ground_.options, settings());
    const RelaySettings& relay = ground_.relay;
    const auto failed = [this, &relay](const Error& error) {
      say(report::kServiceFailure,
          {{"service", "log server"}, {"obj", relay.host}, {"reason", error.text()}});
      hint(error.text() + place());
      return false;
    };
    if (!relay.is_on()) {
      auto done = ground_.journal->relay_to_nobody();
      return done || failed(done.error());
    }
    auto spool = RelaySpool::open(
        {.directory = relay.spool_path, .limit_bytes = relay.spool_limit_mib << 20}, relay.host,
        clock_);
    if (!spool) return failed(spool.error());
    ground_.relay_spool = std::move(*spool);
    auto taken_over = ground_.journal->relay_to(*ground_.relay_spool);
    return taken_over || failed(taken_over.error());
  }

  /// In the foreground, before somebody who sees the errors, it may be mended while we run; a lock
  /// is another server's.  Clients keep their reports meanwhile.
  bool may_start_without(const Error& log_error) const {
    const SeveritySet shown = ground_.options.print_threshold.value_or(settings().print.severities);
    return !ground_.detached && shown.has(Severity::Err) && log_error.kind != Error::Kind::Busy;
  }

  /// Before anything else is loaded.
  std::vector<std::string> program_files_;
  base::SystemClock clock_;
  Ground ground_;
  std::optional<sys::Identity> identity_;
};

}  // namespace

ConfigSource source_of(const Options& options, const Paths& paths) {
  ConfigSource source;
  source.path = options.config_path.empty() ? paths.config : options.config_path;
  source.host_name = sys::own_name();
  source.defaults = {paths.log,  paths.pid,  paths.socket, DEFAULT_PORT,
                     paths.data, paths.html, DEFAULT_PORT};
  return source;
}

Result<std::optional<sys::Identity>> find_own_user() {
  if (geteuid() != 0) return std::optional<sys::Identity>{};
  auto found = sys::find_identity(user_names());
  if (!found) return found.error();
  return std::optional<sys::Identity>{std::move(*found)};
}

Result<sys::Identity> find_user_in(const sys::Jail& jail) {
  return jail.find_identity(user_names());
}

std::string jail_of(const Options& options, const Settings& settings) {
  return options.jail_path.empty() ? settings.jail_path : options.jail_path;
}

RelaySettings relay_of(const Options& options, const Settings& settings) {
  RelaySettings relay = settings.relay;
  if (!options.server_host.empty()) relay.host = options.server_host;
  if (options.server_port != 0) relay.port = options.server_port;
  if (options.bind_address) relay.source = options.bind_address;
  if (relay.spool_path.empty()) {
    relay.spool_path = settings.log_path.substr(0, settings.log_path.rfind('/') + 1) + "relay";
  }
  return relay;
}

int serve(const Options& options, const Paths& paths) { return Start(options, paths).run(); }

bool is_control_word(std::string_view word) {
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

int control_daemon(std::string_view word, std::span<const std::string_view> arguments,
                   const Paths& paths) {
  const auto options = parse_options(arguments);
  if (!options) {
    complain(options.error().what + "\n\n" + usage());
    return 1;
  }
  // The pid file's path may stand in the configuration; one that cannot be read decides nothing.
  const ConfigSource source = source_of(*options, paths);
  ConfigFailure failure;
  const auto config = read_config(source, base::SystemClock().now_ns(), failure);

  std::vector<std::string> start = {"--daemon"};
  start.insert(start.end(), arguments.begin(), arguments.end());
  const sys::Controlled daemon{.program = "yule",
                               .pid_path = config ? config->loaded.settings.pid_path : paths.pid,
                               .start = start};
  return sys::run_control_word(word, daemon).value_or(1);
}

}  // namespace samhain::server
