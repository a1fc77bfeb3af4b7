#include "agent/options.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "policy/policy.h"
#include "report/threshold.h"

namespace samhain::agent {

namespace {

/// One option of samhain(8).  `letter` 0: long form only.  Without `take` it is one of the original
/// that is not built yet: refused by name, never ignored in silence.
struct Option {
  char letter;
  std::string_view name;
  std::string_view argument;  ///< its placeholder in the usage text; empty: none
  std::string_view help;
  Result<void> (*take)(Options& options, std::string_view value);
};

Error bad_value(std::string_view what_is_right) {
  return Error{Error::Kind::Malformed, std::string{what_is_right}};
}

template <std::optional<SeveritySet> Options::*Member>
Result<void> take_threshold(Options& options, std::string_view value) {
  auto threshold = report::parse_threshold(value);
  if (!threshold) return threshold.error();
  options.*Member = *threshold;
  return {};
}

template <bool Options::*Member>
Result<void> take_switch(Options& options, std::string_view /*value*/) {
  options.*Member = true;
  return {};
}

template <std::string Options::*Member>
Result<void> take_text(Options& options, std::string_view value) {
  options.*Member = value;
  return {};
}

template <Options::ListForm Form>
Result<void> take_form(Options& options, std::string_view /*value*/) {
  options.list_form = Form;
  return {};
}

template <Options::Task Task>
Result<void> take_task(Options& options, std::string_view value) {
  options.task = Task;
  options.operand = value;
  return {};
}

Result<void> take_action(Options& options, std::string_view value) {
  const auto action = action_named(value);
  if (!action) return bad_value("give init, check, update or none");
  if (!options.action) options.action = action;  // the first one counts
  return {};
}

Result<void> take_list_file(Options& options, std::string_view value) {
  options.update.list_file = value;
  return {};
}

Result<void> take_reason(Options& options, std::string_view value) {
  // It is kept with each change that is accepted.
  constexpr std::size_t kLongest = 1'000;
  if (value.size() > kLongest) return bad_value("give 1000 bytes at most");
  options.update.reason = value;
  return {};
}

Result<void> take_interactive(Options& options, std::string_view /*value*/) {
  options.update.is_interactive = true;
  return {};
}

Result<void> take_pattern(Options& options, std::string_view value) {
  if (!value.starts_with('/')) return bad_value("give a pattern that begins with /");
  options.update.patterns.emplace_back(value);
  return {};
}

/// "3", or several: "3,5,8".
Result<void> take_findings(Options& options, std::string_view value) {
  for (const std::string_view word : base::split(value, ",")) {
    const auto number = base::to_number<std::uint64_t>(word);
    if (!number) return bad_value("give numbers that samhain findings shows");
    options.update.findings.push_back(*number);
  }
  return {};
}

Result<void> take_depth(Options& options, std::string_view value) {
  const auto depth = base::to_number<int>(value);
  if (!depth || *depth < 0 || *depth > policy::kMaxDepth)
    return bad_value("give a depth from 0 to 99");
  options.depth = *depth;
  return {};
}

Result<void> take_bind_address(Options& options, std::string_view value) {
  options.bind_address = sys::Address::parse(value, 0);
  if (!options.bind_address) return bad_value("give a numeric IPv4 or IPv6 address");
  return {};
}

Result<void> take_server_host(Options& options, std::string_view value) {
  if (!options.server_host) {
    options.server_host = base::lower(value);
    return {};
  }
  if (!options.second_server_host.empty()) return bad_value("give two servers at most");
  options.second_server_host = base::lower(value);
  return {};
}

Result<void> take_server_port(Options& options, std::string_view value) {
  const auto port = base::to_number<std::uint16_t>(value);
  if (!port || *port == 0) return bad_value("give a port from 1 to 65535");
  options.server_port = *port;
  return {};
}

Result<void> take_server_ca(Options& options, std::string_view value) {
  options.server_ca = value;
  return {};
}

Result<void> take_password_file(Options& options, std::string_view value) {
  options.password_file = value;
  return {};
}

Result<void> take_json(Options& options, std::string_view /*value*/) {
  options.is_json = true;
  options.list_form = Options::ListForm::Json;
  return {};
}

Result<void> take_delta_list(Options& options, std::string_view value) {
  options.delta_list = value;
  options.action = Action::Init;
  return {};
}

Result<void> take_config_path(Options& options, std::string_view value) {
  options.config_path = value;
  return {};
}

using Task = Options::Task;
using ListForm = Options::ListForm;
constexpr std::array kOptions = {
    Option{'t', "set-checksum-test", "ACTION", "init, check, update or none", take_action},
    Option{'i', "interactive", "", "update: ask about each change", take_interactive},
    Option{0, "listfile", "FILE", "update: accept only changes of the paths in FILE",
           take_list_file},
    Option{0, "pattern", "GLOB", "update: only paths that fit, and nothing else is measured",
           take_pattern},
    Option{0, "finding", "N[,N]", "update: only these findings of the last check", take_findings},
    Option{0, "reason", "TEXT", "update: why, for the history", take_reason},
    Option{0, "init2stdout", "", "init: the baseline to standard output, and into no file",
           take_switch<&Options::prints_baseline>},
    Option{'D', "daemon", "", "run in the background, check again and again",
           take_switch<&Options::is_daemon>},
    Option{0, "foreground", "", "stay in the foreground, whatever the configuration says",
           take_switch<&Options::is_foreground>},
    Option{'f', "forever", "", "check again and again in the foreground",
           take_switch<&Options::is_forever>},
    Option{'r', "recursion", "DEPTH",
           "levels below a directory without a depth of its own, 0 to 99", take_depth},
    Option{'p', "set-print-severity", "SEVERITY", "threshold of the console",
           take_threshold<&Options::print_threshold>},
    Option{'l', "set-log-severity", "SEVERITY", "threshold of the log file",
           take_threshold<&Options::log_threshold>},
    Option{'e', "set-export-severity", "SEVERITY", "threshold of the server",
           take_threshold<&Options::export_threshold>},
    Option{0, "server-host", "HOST", "the server to report to; given twice: a second one",
           take_server_host},
    Option{0, "server-port", "PORT", "its TCP port", take_server_port},
    Option{0, "bind-address", "ADDRESS", "source address of connections", take_bind_address},
    Option{0, "config-file", "PATH", "the configuration to use, or REQ_FROM_SERVER[/PATH]",
           take_config_path},
    Option{0, "password-file", "PATH", "the file with the password for the server",
           take_password_file},
    Option{0, "server-ca", "PATH", "authorities of which one must vouch for the server",
           take_server_ca},
    Option{0, "test-connection", "", "try each step to the server, say what fails and why, end",
           take_switch<&Options::tests_connection>},
    Option{0, "check-config", "", "read the configuration, say what is wrong in it, start nothing",
           take_switch<&Options::only_checks>},
    Option{0, "create-database", "LIST", "make a delta of the paths in LIST", take_delta_list},
    Option{0, "history", "", "-d: the changes that were accepted",
           take_switch<&Options::shows_history>},
    Option{'d', "list-database", "FILE", "list a baseline (default: the configured one) and end",
           take_task<Task::ListBaseline>},
    Option{'a', "full-detail", "", "-d: list everything", take_form<ListForm::Full>},
    Option{0, "delimited", "", "-d: the same, separated by commas", take_form<ListForm::Delimited>},
    Option{0, "json", "", "-d, status: for programs", take_json},
    Option{0, "binary", "", "-d: as a baseline, on standard output or into the file of -o",
           take_form<ListForm::Binary>},
    Option{'o', "outfile", "FILE", "--binary, --create-database: the file to write",
           take_text<&Options::outfile>},
    Option{0, "list-file", "PATH", "-d: the kept content of this file",
           take_text<&Options::listed_file>},
    Option{0, "list-filter", "FILE", "-d: only the paths in FILE, one a line",
           take_text<&Options::list_filter>},
    Option{0, "verify-database", "FILE", "compare this host with a baseline alone and end",
           take_task<Task::VerifyBaseline>},
    Option{0, "import-database", "FILE", "make the baseline from one of samhain 3 or 4 and end",
           take_task<Task::ImportDatabase>},
    Option{'H', "hash-string", "TEXT", "print the SHA-256 of a text or /FILE and end",
           take_task<Task::HashText>},
    Option{0, "print-own-name", "", "print the name this host tells the server and end",
           take_task<Task::PrintOwnName>},
    Option{'v', "version", "", "print version and paths and end", take_task<Task::ShowVersion>},
    Option{'h', "help", "", "print this text and end", take_task<Task::ShowHelp>},

    Option{'s', "set-syslog-severity", "SEVERITY", "", nullptr},
    Option{'x', "set-extern-severity", "SEVERITY", "", nullptr},
    Option{0, "set-prelude-severity", "SEVERITY", "", nullptr},
    Option{0, "set-database-severity", "SEVERITY", "", nullptr},
    Option{'m', "set-mail-severity", "SEVERITY", "", nullptr},
    Option{'L', "verify-log", "FILE", "", nullptr},
    Option{'j', "just-list", "", "", nullptr},
    Option{'M', "verify-mail", "FILE", "", nullptr},
    Option{'V', "add-key", "KEY", "", nullptr},
    Option{'w', "wait-on-check", "SECONDS", "", nullptr},
    Option{0, "trace-logfile", "FILE", "", nullptr},
    Option{0, "trace-enable", "", "", nullptr},
    Option{'c', "copyright", "", "print whose this is, and the licence, and end",
           take_task<Task::ShowCopyright>},
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
  explicit Parser(std::span<const std::string_view> arguments, bool takes_words = false)
      : rest_(arguments), takes_words_(takes_words) {}

  Result<Options> run() {
    while (!rest_.empty() && !is_at_end()) {
      const std::string_view argument = rest_.front();
      rest_ = rest_.subspan(1);
      if (auto taken = take(argument); !taken) return taken.error();
    }
    const bool writes = options_.list_form == ListForm::Binary || !options_.delta_list.empty();
    if (!options_.outfile.empty() && !writes) {
      return complaint("only with --binary or --create-database", "--outfile");
    }
    return std::move(options_);
  }

 private:
  /// What follows is never used.
  bool is_at_end() const {
    switch (options_.task) {
      case Task::HashText:
      case Task::PrintOwnName:
      case Task::ShowVersion:
      case Task::ShowCopyright:
      case Task::ShowHelp:
        return true;
      case Task::Run:
      case Task::ListBaseline:
      case Task::VerifyBaseline:
      case Task::ImportDatabase:
        break;
    }
    return false;
  }

  Result<void> take(std::string_view argument) {
    if (argument.starts_with("--")) return take_long(argument);
    if (argument.size() > 1 && argument.starts_with('-')) return take_group(argument);
    if (takes_words_) return take_word(argument);
    return complaint("not an option", argument);
  }

  /// A path, or one more number of --finding.
  Result<void> take_word(std::string_view word) {
    if (base::to_number<std::uint64_t>(word)) return take_findings(options_, word);
    if (!word.starts_with('/')) return complaint("not an absolute path", word);
    while (word.size() > 1 && word.ends_with('/')) word.remove_suffix(1);
    options_.update.paths.emplace_back(word);
    return {};
  }

  Result<void> take_long(std::string_view argument) {
    const std::size_t sign = argument.find('=');
    const std::string_view shown = argument.substr(0, sign);
    const Option* option = find_name(shown.substr(2));
    if (option == nullptr) return complaint("unrecognized long option", shown);
    if (sign == std::string_view::npos) return apply(*option, shown);
    if (option->argument.empty()) return complaint("option takes no argument", shown);
    return apply(*option, shown, argument.substr(sign + 1));
  }

  Result<void> take_group(std::string_view argument) {
    for (std::size_t i = 1; i < argument.size() && !is_at_end(); ++i) {
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

  Result<void> apply(const Option& option, std::string_view shown) {
    if (option.argument.empty()) return apply(option, shown, {});
    if (option.take == nullptr) return apply(option, shown, {});
    if (rest_.empty() || rest_.front().empty()) return complaint("missing argument", shown);
    const std::string_view value = rest_.front();
    rest_ = rest_.subspan(1);
    return apply(option, shown, value);
  }

  Result<void> apply(const Option& option, std::string_view shown, std::string_view value) {
    if (option.take == nullptr) {
      return complaint(fmt::format("option not built yet (--{})", option.name), shown);
    }
    if (!option.argument.empty() && value.empty()) return complaint("missing argument", shown);
    auto taken = option.take(options_, value);
    if (taken) return taken;
    return Error{Error::Kind::Malformed, fmt::format("Error: invalid argument: {} {}: {}", shown,
                                                     base::printable(value), taken.error().what)};
  }

  std::span<const std::string_view> rest_;
  bool takes_words_;
  Options options_;
};

}  // namespace

std::optional<Action> action_named(std::string_view word) {
  if (word == "init") return Action::Init;
  if (word == "check") return Action::Check;
  if (word == "update") return Action::Update;
  if (word == "none") return Action::None;
  return std::nullopt;
}

std::string_view word_of(Action action) {
  switch (action) {
    case Action::None:
      return "none";
    case Action::Init:
      return "init";
    case Action::Check:
      return "check";
    case Action::Update:
      return "update";
  }
  return {};
}

Result<Options> parse_options(std::span<const std::string_view> arguments) {
  return Parser{arguments}.run();
}

Result<Options> parse_update(std::span<const std::string_view> words) {
  auto options = Parser{words, true}.run();
  if (!options) return options;
  if (options->task != Task::Run || options->action) {
    return Error{Error::Kind::Malformed, "Error: not an option of update"};
  }
  if (!options->update.is_approval()) {
    return Error{Error::Kind::Malformed,
                 "Error: update of what? Give paths, --pattern or --finding; all: -t update"};
  }
  options->action = Action::Update;
  return options;
}

std::string usage() {
  std::string text =
      "Usage: samhain [options]\n"
      "       samhain start|stop|restart|reload|force-reload|status [options]\n"
      "       samhain update PATH... | --pattern=GLOB | --finding N... [--reason=TEXT] [options]\n"
      "       samhain findings [--json] [options]\n"
      "       samhain history [PATH] [--json] [options]\n\n";
  for (const Option& option : kOptions) {
    if (option.take == nullptr) continue;
    const std::string letter =
        option.letter == 0 ? std::string{"    "} : fmt::format("-{}, ", option.letter);
    const std::string name = option.argument.empty()
                                 ? std::string{option.name}
                                 : fmt::format("{}={}", option.name, option.argument);
    text += fmt::format("  {}--{:<28} {}\n", letter, name, option.help);
  }
  return text;
}

}  // namespace samhain::agent
