#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/config_file.h"
#include "server/options.h"
#include "sys/identity.h"
#include "sys/jail.h"

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

/// Where the configuration is and what it is read with: at start, at SIGHUP, and for a check of it.
ConfigSource source_of(const Options& options, const Paths& paths);

/// Whom a start as root becomes; nothing where we are not root.
/// Errors: Missing (none of the users exists; the text names them).
Result<std::optional<sys::Identity>> find_own_user();

/// The same inside a jail, by its own /etc/passwd.
Result<sys::Identity> find_user_in(const sys::Jail& jail);

/// The directory to be locked in: the command line's, else the configuration's; empty: none.
std::string jail_of(const Options& options, const Settings& settings);

/// Where reports go on to: the configuration's word, the command line's instead where it has one.
RelaySettings relay_of(const Options& options, const Settings& settings);

/// Everything from the command line to the end of the daemon; the exit status.  In this order, for
/// the order is the promise (docs/security.md): read the configuration, open the command
/// socket, enter the jail if there is to be one, bind, give up root for good, open log and ledger,
/// start the roles, and only then accept.
int serve(const Options& options, const Paths& paths);

/// `start`, `stop` and so on, with the arguments after the word; the exit status.
int control_daemon(std::string_view word, std::span<const std::string_view> arguments,
                   const Paths& paths);
bool is_control_word(std::string_view word);

}  // namespace samhain::server
