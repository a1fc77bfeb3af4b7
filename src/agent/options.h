#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/result.h"
#include "samhain/severity.h"
#include "sys/socket.h"

namespace samhain::agent {

/// What a run does (`-t`, ChecksumTest).
enum class Action : std::uint8_t { None, Init, Check, Update };
std::optional<Action> action_named(std::string_view word);
std::string_view word_of(Action action);  ///< the same word; empty: no action of ours

/// What an update accepts, and why (samhain(8), UPDATE); all that a check finds, unless one of
/// these says less.
struct UpdateScope {
  bool is_interactive = false;  ///< somebody is asked about each change
  std::string list_file;        ///< --listfile: only the paths in it, one a line; empty: none
  /// `samhain update`: only what these name, and nothing else is measured.
  std::vector<std::string> paths{};
  std::vector<std::string> patterns{};
  std::vector<std::uint64_t> findings{};
  std::string reason;  ///< for the history
  bool is_approval() const { return !paths.empty() || !patterns.empty() || !findings.empty(); }
};

/// The command line of samhain(8), taken apart; what it leaves open, the configuration says.
struct Options {
  /// Run is the ordinary case; the others act at once and end the process.
  enum class Task : std::uint8_t {
    Run,
    HashText,
    ListBaseline,
    VerifyBaseline,
    ImportDatabase,
    PrintOwnName,
    ShowVersion,
    ShowCopyright,
    ShowHelp
  };
  Task task = Task::Run;
  /// Of HashText a text or an absolute path, of ListBaseline and VerifyBaseline a baseline's file
  /// or "default", of ImportDatabase a file of the original.
  std::string operand;

  /// What `-d` prints of each object; the last one named counts, the short line where none is.
  enum class ListForm : std::uint8_t { Short, Full, Delimited, Json, Binary };
  ListForm list_form = ListForm::Short;
  std::string listed_file;  ///< --list-file: only the kept content of this path; empty: no
  std::string list_filter;  ///< --list-filter: a file with the only paths to list; empty: all
  bool is_json = false;     ///< --json: for programs

  std::string delta_list;  ///< --create-database: paths of which a delta is made; empty: none is
  /// -o: of --binary, empty: standard output; of a delta, empty: named after host and a new UUID.
  std::string outfile;

  std::optional<Action> action;
  UpdateScope update;
  bool shows_history = false;     ///< --history: of -d, the accepted changes instead of the objects
  bool prints_baseline = false;   ///< --init2stdout
  bool tests_connection = false;  ///< --test-connection: to the server and back, then end
  bool only_checks = false;       ///< --check-config: read it, say what is wrong, start nothing
  bool is_daemon = false;
  bool is_foreground = false;  ///< wins over every daemon
  bool is_forever = false;
  std::optional<SeveritySet> print_threshold;
  std::optional<SeveritySet> log_threshold;
  std::optional<SeveritySet> export_threshold;
  std::optional<int> depth;
  std::optional<sys::Address> bind_address;
  std::optional<std::string> server_host;
  std::string second_server_host;  ///< empty: none
  std::optional<std::uint16_t> server_port;
  std::optional<std::string> config_path;
  std::optional<std::string> password_file;
  std::optional<std::string> server_ca;
};

/// Reads `arguments` (without the program's name) from left to right; `-H`, `-v`, `-h` and
/// `--print-own-name` end the reading, as what follows them is never used.
/// Errors: Malformed; the text is a line for the user.
Result<Options> parse_options(std::span<const std::string_view> arguments);

/// The same for the words after `samhain update`: paths, numbers of findings, --finding, --pattern
/// and every other option; the action is an update.
Result<Options> parse_update(std::span<const std::string_view> words);

/// The text of --help.
std::string usage();

}  // namespace samhain::agent
