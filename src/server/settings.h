#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "report/form.h"
#include "samhain/severity.h"
#include "server/requests.h"
#include "sink/filter.h"
#include "srp/verifier.h"
#include "sys/socket.h"

namespace samhain::server {

/// Where clients' reports and our own go on to (SetLogServer).
struct RelaySettings {
  std::string host;         ///< empty: nowhere
  std::string second_host;  ///< takes over while the first does not answer; may be empty
  std::uint16_t port = 0;
  std::optional<sys::Address> source;
  std::string password_file;  ///< empty: the password is in the program
  std::string spool_path;     ///< empty: `relay` beside the log
  std::uint64_t spool_limit_mib = 256;

  bool is_on() const { return !host.empty(); }
};

/// What yulerc(5) says, with the defaults of what it does not say.
struct Settings {
  // [Log]
  sink::Filter print{SeveritySet::from(Severity::Info)};
  sink::Filter log{SeveritySet::from(Severity::Mark)};
  sink::Filter relay_own{};  ///< which of our own reports go to the next server
  report::Layout print_layout;
  report::Layout log_layout;

  // [Misc]
  bool is_daemon = false;
  bool hides_setup = false;
  std::chrono::seconds loop_time{60};  ///< between TIMESTAMP lines; 0: none
  std::vector<uid_t> trusted;
  std::string log_path;
  std::string pid_path;

  // [Server], also [Misc]
  std::string data_path;     ///< rc, rc.HOST, file, file.HOST, templates of the status page
  std::string pending_path;  ///< baselines that wait for approval
  std::string jail_path;     ///< SetChrootDir; empty: none
  bool accepts_uploads = false;
  std::uint64_t upload_limit_mib = 512;
  std::string html_path;  ///< of the status page; empty: none
  std::uint16_t port = 0;
  std::optional<sys::Address> interface;  ///< none: all
  bool has_socket = true;
  std::string socket_path;
  std::optional<uid_t> socket_uid;  ///< who may use it besides root and the server itself
  bool strips_domain = true;
  bool names_from_accept = false;
  sink::ClientRules client_rules;
  bool has_separate_logs = false;
  Severity lookup_severity = Severity::Crit;
  RelaySettings relay;
  bool receives_syslog = false;
  std::uint16_t syslog_port = 514;
  std::chrono::seconds client_time_limit{86'400};  ///< 0: none
  std::chrono::seconds session_lifetime{7'200};
  FrontSettings front;
  std::string certificate_path;  ///< empty: fronts make one for themselves
  std::string key_path;
  unsigned max_unauthenticated = 32;  ///< connections of one address
  unsigned max_failed_attempts = 10;  ///< of one address in a minute

  // [Clients]
  std::map<std::string, srp::Verifier> clients;  ///< by name, lower case
};

/// What was compiled in, for the settings that have a path or port.
struct Defaults {
  std::string log_path;
  std::string pid_path;
  std::string socket_path;
  std::uint16_t port = 0;  ///< to listen at
  std::string data_path;
  std::string html_path;         ///< empty: yule.html beside the log; "none"
  std::uint16_t relay_port = 0;  ///< of the next server
};

struct Loaded {
  Settings settings;
  std::vector<config::Problem>
      problems;  ///< of the language and of the values, in the file's order
};

/// Never fails: a wrong line becomes a problem and leaves its setting as it was.
Loaded read_settings(std::string_view text, const config::Surroundings& surroundings,
                     const Defaults& defaults);

/// What only the next start can change stays in `next` as it is `in_effect`; the options that would
/// have changed, by name.
std::vector<std::string_view> keep_until_restart(const Settings& in_effect, Settings& next);

/// Does any of them say that the file is wrong, and not only that something is not built yet?
bool has_mistake(const std::vector<config::Problem>& problems);

}  // namespace samhain::server
