#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/options.h"
#include "agent/place.h"
#include "config/document.h"
#include "policy/policy.h"
#include "policy/schedule.h"
#include "report/form.h"
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "samhain/severity.h"
#include "scan/measurer_pool.h"
#include "scan/scan.h"
#include "sink/filter.h"
#include "sys/file.h"
#include "sys/io_priority.h"
#include "sys/socket.h"

namespace samhain::agent {

/// Where things are unless the configuration says otherwise: fixed by configure.
struct Paths {
  std::string config;
  std::string log;
  std::string pid;
  std::string state;
  std::string baseline;
};

/// What samhainrc(5) and the command line say together.
struct Settings {
  std::string config_path;  ///< or kFromServer
  bool is_config_remote = false;
  std::string config_digest;  ///< SHA-256 in hex, for START
  std::string host_name;      ///< what this host calls itself

  Action action = Action::None;
  bool is_daemon = false;
  bool is_forever = false;
  bool hides_setup = false;
  bool is_full_silent = false;  ///< a silent check does not tell of its beginning and end
  std::chrono::seconds check_interval{600};
  policy::Timetable schedule_one;  ///< empty: by check_interval
  policy::Timetable schedule_two;  ///< of directories of the second schedule; empty: with the first
  std::chrono::seconds mark_interval{60};

  UpdateScope update;
  bool prints_baseline = false;        ///< init to standard output, into no file
  std::string findings_path;           ///< of the last check, for `samhain update --finding`
  std::string baseline_path;           ///< on this host; empty: none
  bool is_baseline_remote = false;     ///< a check takes it from the server
  std::chrono::seconds load_delay{0};  ///< before it asks for it the first time
  std::uint64_t download_limit_bytes = std::uint64_t{2} << 30;
  std::string status_path;  ///< these two: beside the baseline, or where it would be
  std::string resume_path;
  std::string log_path;
  std::string pid_path;
  std::string console_path;  ///< of a daemon; empty: it has none
  std::vector<uid_t> trusted;

  sink::Filter print{SeveritySet::from(Severity::Info)};
  sink::Filter log{SeveritySet::from(Severity::Mark)};
  sink::Filter exported{SeveritySet::from(Severity::Mark)};
  report::Layout print_layout;
  report::Layout log_layout;

  std::string server_host;         ///< empty: no server
  std::string second_server_host;  ///< empty: none
  std::uint16_t server_port = 0;
  std::optional<sys::Address> bind_address;
  std::string password_file;  ///< empty: the password is in the program
  std::string server_ca;      ///< empty: any certificate of the server will do
  std::chrono::seconds keep_alive{60};
  bool uploads_baseline = false;  ///< init sends what it has written
  unsigned delta_retries = 2;
  std::chrono::seconds delta_retry_interval{60};
  std::string spool_path;
  std::uint64_t spool_limit_bytes = 256U << 20;

  unsigned measurers = 0;  ///< 0: one a core
  std::chrono::seconds measure_timeout{120};
  int default_depth = 0;
  int nice_level = 0;                          ///< of the daemon and its processes; taken at start
  std::optional<sys::IoPriority> io_priority;  ///< the same; nothing: as it was started
  scan::MeasurerPool::Limits limits;
  bool drops_cache = true;
  bool resumes_scan = false;
  std::vector<policy::Watch> watches;
  std::vector<std::string> absent_paths;  ///< that an init writes down as not expected
  scan::Settings scan;

  bool exports() const { return !server_host.empty() && !exported.severities.is_empty(); }
  bool downloads() const { return is_config_remote || is_baseline_remote; }
  bool uploads() const {
    return (action == Action::Init || action == Action::Update) && uploads_baseline &&
           !prints_baseline;
  }
};

/// What reading a configuration gave: the settings, and every line that was not taken.
struct Loaded {
  Settings settings;
  std::vector<config::Problem> problems;
  UniqueFd received;         ///< of a configuration from the server: its text
  Digest received_digest{};  ///< and what the server knows it by
};

/// Why a configuration cannot be used at all.
struct Unusable {
  Error error{Error::Kind::System, {}};
  std::vector<sys::Distrust> distrust;  ///< not empty: the path is not trusted
};

/// The outcome of load_settings(): exactly one of the two.
struct Loading {
  std::optional<Loaded> loaded;
  Unusable unusable;
};

/// Reads the configuration of `options`, or else that of `paths`, on this host; the command line
/// wins.
Loading load_settings(const Options& options, const Paths& paths, const std::string& host_name);

/// Reads a configuration that came from the server, from the beginning of `received`.
Loading read_received(UniqueFd received, const Digest& digest, const Options& options,
                      const Paths& paths, const std::string& host_name);

/// The same from its text, without looking at a file: for tests, and the core of the above.
Loaded read_settings(std::string_view text, const Options& options, const Paths& paths,
                     const config::Surroundings& surroundings);

/// Beside a baseline, or where it would be: its path with `suffix` behind it.
std::string beside_baseline(const std::string& baseline_path, const Paths& paths,
                            std::string_view suffix);
inline constexpr std::string_view kStatusSuffix = ".status";

/// A problem as the lines that tell it (spec: client-runtime.md section 5): the classic text, with
/// the reason and the remedy as further fields.
Report report_of(const config::Problem& problem, const std::string& config_path,
                 std::int64_t time_ns);

}  // namespace samhain::agent
