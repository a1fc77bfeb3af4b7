#include "server/options.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "config/values.h"
#include "report/threshold.h"

namespace samhain::server {
namespace {

/// One option of yule(8).  `letter` 0: long form only.  Without `take` it is one of the original
/// that is not built yet: refused by name, never ignored in silence.  Where it makes no sense any
/// more its help says why, in a warning at start.
struct Option {
  char letter;
  std::string_view name;
  std::string_view argument;  ///< its placeholder in the usage text; empty: none
  std::string_view help;
  Result<void> (*take)(Options& options, std::string_view value);
};

template <std::optional<SeveritySet> Options::*Member>
Result<void> take_threshold(Options& options, std::string_view value) {
  auto threshold = report::parse_threshold(value);
  if (!threshold) return threshold.error();
  options.*Member = *threshold;
  return {};
}

template <bool Value>
Result<void> take_daemon(Options& options, std::string_view /*value*/) {
  if (!options.is_daemon) options.is_daemon = Value;
  return {};
}

template <Options::Task Task>
Result<void> take_task(Options& options, std::string_view /*value*/) {
  options.task = Task;
  return {};
}

Result<void> take_password(Options& options, std::string_view value) {
  options.task = Options::Task::MakeRegistration;
  options.password = value;
  return {};
}

Result<void> take_hash(Options& options, std::string_view value) {
  options.task = Options::Task::HashText;
  options.operand = value;
  return {};
}

Result<void> take_server_host(Options& options, std::string_view value) {
  if (value.empty()) return Error{Error::Kind::Malformed, "no host"};
  options.server_host = base::lower(value);
  return {};
}

Result<void> take_server_port(Options& options, std::string_view value) {
  auto port = config::parse_number<std::uint16_t>(value, 1, 65'535, "");
  if (!port) return port.error();
  options.server_port = *port;
  return {};
}

Result<void> take_bind_address(Options& options, std::string_view value) {
  auto address = sys::Address::parse(value, 0);
  if (!address) return Error{Error::Kind::Malformed, "give a numeric IPv4 or IPv6 address"};
  options.bind_address = *address;
  return {};
}

Result<void> take_check(Options& options, std::string_view /*value*/) {
  options.only_checks = true;
  return {};
}

Result<void> take_config_path(Options& options, std::string_view value) {
  options.config_path = value;
  return {};
}

Result<void> take_jail(Options& options, std::string_view value) {
  auto path = config::parse_path(value);
  if (!path) return path.error();
  if (options.jail_path.empty()) options.jail_path = std::move(*path);
  return {};
}

using Task = Options::Task;
constexpr std::array kOptions = {
    Option{'D', "daemon", "", "run in the background", take_daemon<true>},
    Option{0, "foreground", "", "stay in the foreground, whatever the configuration says",
           take_daemon<false>},
    Option{'p', "set-print-severity", "SEVERITY", "threshold of the console",
           take_threshold<&Options::print_threshold>},
    Option{'l', "set-log-severity", "SEVERITY", "threshold of the log file",
           take_threshold<&Options::log_threshold>},
    Option{'e', "set-export-severity", "SEVERITY",
           "threshold of own reports that go on to the next server",
           take_threshold<&Options::export_threshold>},
    Option{0, "server-host", "HOST", "the next server, to which this one relays", take_server_host},
    Option{0, "server-port", "PORT", "port of the next server", take_server_port},
    Option{0, "bind-address", "ADDRESS", "address from which to reach the next server",
           take_bind_address},
    Option{0, "config-file", "PATH", "the configuration to use", take_config_path},
    Option{0, "chroot", "DIRECTORY", "make this the root directory; chroot.sh builds one",
           take_jail},
    Option{0, "check-config", "", "read the configuration, say what is wrong in it, start nothing",
           take_check},
    Option{'G', "gen-password", "", "print a new random password and end",
           take_task<Task::MakePassword>},
    Option{'P', "password", "PASSWORD",
           "print the registration of a client with this password (-: read it from stdin) and end",
           take_password},
    Option{'H', "hash-string", "TEXT", "print the SHA-256 of a text or /FILE and end", take_hash},
    Option{'c', "copyright", "", "print whose this is, and the licence, and end",
           take_task<Task::ShowCopyright>},
    Option{'v', "version", "", "print version and paths and end", take_task<Task::ShowVersion>},
    Option{'h', "help", "", "print this text and end", take_task<Task::ShowHelp>},

    Option{'s', "set-syslog-severity", "SEVERITY", "", nullptr},
    Option{'m', "set-mail-severity", "SEVERITY", "", nullptr},
    Option{'x', "set-extern-severity", "SEVERITY", "", nullptr},
    Option{0, "set-prelude-severity", "SEVERITY", "", nullptr},
    Option{0, "set-database-severity", "SEVERITY", "", nullptr},
    Option{'q', "qualified", "",
           "no use any more, because SetStripDomain=no does this in the configuration", nullptr},
    Option{'S', "server", "", "no use any more, because yule is always a server", nullptr},
    Option{'L', "verify-log", "FILE", "", nullptr},
    Option{'j', "just-list", "", "", nullptr},
    Option{'M', "verify-mail", "FILE", "", nullptr},
    Option{'V', "add-key", "KEY", "", nullptr},
    Option{0, "trace-logfile", "FILE",
           "no use any more, because the severity debug and strace(1) show more", nullptr},
    Option{0, "trace-enable", "",
           "no use any more, because the severity debug and strace(1) show more", nullptr},
};

const Option* find_letter(char letter) {
  for (const Option& option : kOptions) {
    if (option.letter != 0 && option.letter == letter) return &option;
  }
  return nullptr;
}

const Option* find_name(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Error complaint(std::string_view what, std::string_view option) {
  return Error{Error::Kind::Malformed, fmt::format("Error: {}: {}", what, base::printable(option))};
}

/// Walks the arguments; knows where it is, so that an option can take the next one.
class Parser {
 public:
  explicit Parser(std::span<const std::string_view> arguments) : rest_(arguments) {}

  Result<Options> run() {
    while (!rest_.empty() && options_.task == Task::Serve) {
      const std::string_view argument = rest_.front();
      rest_ = rest_.subspan(1);
      if (auto taken = take(argument); !taken) return taken.error();
    }
    return std::move(options_);
  }

 private:
  Result<void> take(std::string_view argument) {
    if (argument.starts_with("--")) return take_long(argument);
    if (argument.size() > 1 && argument.starts_with('-')) return take_group(argument);
    return complaint("not an option", argument);
  }

  Result<void> take_long(std::string_view argument) {
    const std::size_t sign = argument.find('=');
    const std::string_view shown = argument.substr(0, sign);
    const Option* option = find_name(shown.substr(2));
    if (option == nullptr) return complaint("unrecognized long option", shown);
    if (sign == std::string_view::npos) return apply(*option, shown);
    if (option->argument.empty()) return complaint("option takes no argument", shown);
    return give(*option, shown, argument.substr(sign + 1));
  }

  Result<void> take_group(std::string_view argument) {
    for (std::size_t i = 1; i < argument.size() && options_.task == Task::Serve; ++i) {
      const std::string shown = fmt::format("-{}", argument[i]);
      const Option* option = find_letter(argument[i]);
      if (option == nullptr) return complaint("unrecognized short option", shown);
      if (!option->argument.empty() && i + 1 < argument.size()) {
        return complaint("short option with argument is not last in option string", argument);
      }
      if (auto taken = apply(*option, shown); !taken) return taken;
    }
    return {};
  }

  /// An argument, where the option wants one, is the next word.
  Result<void> apply(const Option& option, std::string_view shown) {
    if (option.argument.empty()) return give(option, shown, {});
    if (rest_.empty()) return complaint("missing argument", shown);
    const std::string_view value = rest_.front();
    rest_ = rest_.subspan(1);
    return give(option, shown, value);
  }

  Result<void> give(const Option& option, std::string_view shown, std::string_view value) {
    if (option.take == nullptr && !option.help.empty()) {
      options_.without_use.emplace_back(shown, option.help);
      return {};
    }
    if (option.take == nullptr) return complaint("option not built yet", shown);
    if (auto taken = option.take(options_, value); !taken) {
      return complaint("invalid argument",
                       fmt::format("{} {}: {}", shown, value, taken.error().what));
    }
    return {};
  }

  std::span<const std::string_view> rest_;
  Options options_;
};

}  // namespace

Result<Options> parse_options(std::span<const std::string_view> arguments) {
  return Parser(arguments).run();
}

std::string usage() {
  std::string text =
      "Usage: yule [OPTIONS]\n"
      "       yule start|stop|restart|reload|force-reload|status [OPTIONS]\n\n";
  for (const Option& option : kOptions) {
    if (option.take == nullptr) continue;
    const std::string letter = option.letter == 0 ? "   " : fmt::format("-{},", option.letter);
    const std::string name =
        fmt::format("--{}{}{}", option.name, option.argument.empty() ? "" : "=", option.argument);
    text += fmt::format("  {} {:<32} {}\n", letter, name, option.help);
  }
  return text + "\nSee yule(8) and yulerc(5).\n";
}

}  // namespace samhain::server
