#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "samhain/result.h"
#include "samhain/severity.h"
#include "sys/socket.h"

namespace samhain::server {

/// What the command line of yule(8) asks for.
struct Options {
  enum class Task : std::uint8_t {
    Serve,
    ShowHelp,
    ShowVersion,
    ShowCopyright,
    HashText,
    MakePassword,
    MakeRegistration
  };
  Task task = Task::Serve;
  std::string operand;            ///< of HashText: a text or an absolute path
  std::string password;           ///< for MakeRegistration; "-": on stdin
  std::optional<bool> is_daemon;  ///< -D or --foreground: the first one given counts
  std::optional<SeveritySet> print_threshold;
  std::optional<SeveritySet> log_threshold;
  std::optional<SeveritySet> export_threshold;  ///< of our own reports, for the next server
  std::string server_host;                      ///< the next server; empty: the configuration's
  std::uint16_t server_port = 0;                ///< its port; 0: the compiled one
  std::optional<sys::Address> bind_address;     ///< from which it is reached
  bool only_checks = false;  ///< --check-config: read it, say what is wrong, start nothing
  /// Options of the original that make no sense any more, as given, with the reason.
  std::vector<std::pair<std::string, std::string>> without_use;
  std::string config_path;  ///< empty: the compiled one
  std::string jail_path;    ///< empty: the configuration's
};

/// Left to right; one that acts at once ends the reading.  Long names must be whole.
/// Errors: Malformed, with the whole line for stderr ("Error: unrecognized long option: --foo").
Result<Options> parse_options(std::span<const std::string_view> arguments);

/// The text of --help.
std::string usage();

}  // namespace samhain::server
