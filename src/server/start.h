#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/options.h"

namespace samhain::server {

/// Paths compiled into the program.
struct Paths {
  std::string config;
  std::string log;
  std::string pid;
  std::string socket;
  std::string data;
  std::string html;  ///< empty: yule.html beside the log; "none"
};

/// Everything from the command line to the end of the daemon; the exit status.  In this order, for
/// the order is the promise (docs/security.md): read the configuration, bind, give up root for
/// good, open log and ledger, start the roles, and only then accept.
int serve(const Options& options, const Paths& paths);

/// `start`, `stop` and so on, with the arguments after the word; the exit status.
int control_daemon(std::string_view word, std::span<const std::string_view> arguments,
                   const Paths& paths);
bool is_control_word(std::string_view word);

}  // namespace samhain::server
