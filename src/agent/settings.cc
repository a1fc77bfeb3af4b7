#include "agent/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "base/hex.h"
#include "base/text.h"
#include "config/known.h"
#include "config/settings.h"
#include "config/values.h"
#include "crypto/digest.h"
#include "policy/settings.h"
#include "report/catalog.h"
#include "report/threshold.h"

namespace samhain::agent {

namespace {

using Take = std::function<Result<void>(const config::Entry& entry)>;

/// Takes what `parse` makes of the value into `place`.
template <class T, class Parse>
Take into(T& place, Parse parse) {
  return [&place, parse](const config::Entry& entry) -> Result<void> {
    auto value = parse(entry.value);
    if (!value) return value.error();
    place = *std::move(value);
    return {};
  };
}

Take into_bool(bool& place) { return into(place, config::parse_bool); }

template <class T>
Take into_number(T& place, T lowest, T highest, std::string_view unit) {
  return into(place, [=](std::string_view value) {
    return config::parse_number<T>(value, lowest, highest, unit);
  });
}

Take into_seconds(std::chrono::seconds& place, long lowest, long highest) {
  return into(place, [=](std::string_view value) -> Result<std::chrono::seconds> {
    auto number = config::parse_number<long>(value, lowest, highest, "seconds");
    if (!number) return number.error();
    return std::chrono::seconds{*number};
  });
}

Take into_threshold(SeveritySet& place) { return into(place, report::parse_threshold); }

Take into_form(report::Form& place) {
  return into(place, [](std::string_view value) -> Result<report::Form> {
    if (auto form = report::form_named(value)) return *form;
    return Error{Error::Kind::Malformed, "not a form; give guide or classic"};
  });
}

Take into_header(Settings& settings) {
  return [&settings](const config::Entry& entry) -> Result<void> {
    auto header = report::parse_header(entry.value);
    if (!header) return header.error();
    settings.print_layout.header = settings.log_layout.header = *std::move(header);
    return {};
  };
}

/// A path, or AUTO: the compiled one with `:` and this host's name behind it.
Take into_path(std::string& place, std::string compiled, std::string host_name) {
  return into(place,
              [compiled = std::move(compiled),
               host_name = std::move(host_name)](std::string_view value) -> Result<std::string> {
                if (value == "AUTO") return compiled + ":" + host_name;
                return config::parse_path(value);
              });
}

Result<Action> parse_action(std::string_view value) {
  if (auto action = action_named(base::lower(value))) return *action;
  return Error{Error::Kind::Malformed, "not an action; give none, init, check or update"};
}

/// A number of KiB, as bytes.
Result<std::uint64_t> parse_kibibytes(std::string_view value) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  auto number = config::parse_number<std::uint64_t>(value, 0, kMost, "KiB a second");
  if (!number) return number.error();
  return *number << 10;
}

Result<std::optional<sys::IoPriority>> parse_io_priority(std::string_view value) {
  constexpr std::string_view kOrdinary = "best-effort";
  const std::string word = base::lower(value);
  if (word == "idle") return std::optional(sys::IoPriority{.is_idle = true});
  if (word.starts_with(kOrdinary)) {
    const auto level =
        base::to_number<int>(base::trim(std::string_view{word}.substr(kOrdinary.size())));
    if (level && *level >= 0 && *level <= 7) return std::optional(sys::IoPriority{.level = *level});
  }
  return Error{Error::Kind::Malformed,
               "not a priority; give idle, or best-effort and a level from 0 to 7"};
}

Result<std::optional<sys::Address>> parse_address(std::string_view value) {
  auto address = sys::Address::parse(value, 0);
  if (!address) {
    return Error{Error::Kind::Malformed, "not an address; give a numeric IPv4 or IPv6 address"};
  }
  return address;
}

Result<DigestKind> parse_digest(std::string_view name) {
  if (const auto kind = crypto::digest_kind_named(name)) return *kind;
  if (name == "TIGER192") {
    return Error{Error::Kind::Malformed,
                 "no TIGER here, which no library of the system has; give SHA256 (used now), "
                 "SHA512 or BLAKE2B"};
  }
  return Error{Error::Kind::Malformed,
               "no such digest; give SHA256 (used now), SHA512, BLAKE2B, SHA1 or MD5"};
}

Result<DigestKind> parse_second_digest(std::string_view name) {
  if (base::equal_no_case(name, "none")) return DigestKind::None;
  return parse_digest(name);
}

Result<void> take_server(Settings& settings, const config::Entry& entry) {
  std::string& place =
      settings.server_host.empty() ? settings.server_host : settings.second_server_host;
  if (!place.empty()) {
    return Error{Error::Kind::Busy, "the first two servers count; leave two SetLogServer"};
  }
  place = base::lower(entry.value);
  return {};
}

/// As into_path(), or REQ_FROM_SERVER with or without a path behind it.
Take into_baseline(Settings& settings, const std::string& compiled) {
  const Take take_local =
      into_path(settings.baseline_path, place_of(compiled).local, settings.host_name);
  return [&settings, take_local](const config::Entry& entry) -> Result<void> {
    const Place place = place_of(entry.value);
    if (place.is_remote && place.local.empty()) {
      settings.baseline_path.clear();
    } else {
      config::Entry local = entry;
      local.value = place.local;
      if (auto taken = take_local(local); !taken) return taken;
    }
    settings.is_baseline_remote = place.is_remote;
    return {};
  };
}

Result<void> take_trusted(std::vector<uid_t>& place, const config::Entry& entry) {
  const auto names = config::parse_list(entry.value);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (auto uid = base::to_number<uid_t>(name)) {
      place.push_back(*uid);
      continue;
    }
    const passwd* user = getpwnam(name.c_str());
    if (user == nullptr) {
      return Error{Error::Kind::Malformed,
                   "no such user: " + name + "; give names of users or their numbers"};
    }
    place.push_back(user->pw_uid);
  }
  return {};
}

using Table = std::vector<config::Setting>;

/// One key that is understood in several sections.
void add(Table& table, std::initializer_list<std::string_view> sections, std::string_view key,
         const Take& take) {
  for (const std::string_view section : sections) table.push_back({section, key, take});
}

void add_run(Table& table, Settings& settings, const Paths& paths) {
  const std::string& host = settings.host_name;
  add(table, {"misc"}, "Daemon", into_bool(settings.is_daemon));
  add(table, {"misc"}, "ChecksumTest", into(settings.action, parse_action));
  add(table, {"misc"}, "SetFilecheckTime", into_seconds(settings.check_interval, 1, 31'536'000));
  add(table, {"misc"}, "SetFullSilent", into_bool(settings.is_full_silent));
  table.push_back(policy::schedule_setting("FileCheckScheduleOne", settings.schedule_one));
  table.push_back(policy::schedule_setting("FileCheckScheduleTwo", settings.schedule_two));
  add(table, {"misc"}, "SetLoopTime", into_seconds(settings.mark_interval, 1, 31'536'000));
  add(table, {"misc"}, "SetNiceLevel", into_number(settings.nice_level, -20, 19, ""));
  add(table, {"misc"}, "HideSetup", into_bool(settings.hides_setup));
  add(table, {"misc"}, "SetDatabasePath", into_baseline(settings, paths.baseline));
  add(table, {"misc"}, "SetLogfilePath", into_path(settings.log_path, paths.log, host));
  add(table, {"misc"}, "SetLockfilePath", into_path(settings.pid_path, paths.pid, host));
  add(table, {"misc"}, "SetConsole", into(settings.console_path, config::parse_path));
  add(table, {"misc"}, "TrustedUser",
      [&settings](const config::Entry& entry) { return take_trusted(settings.trusted, entry); });
}

void add_scan(Table& table, Settings& settings) {
  add(table, {"misc"}, "SetRecursionLevel",
      into_number(settings.default_depth, 0, policy::kMaxDepth, "levels"));
  add(table, {"misc"}, "SetMeasurers", into_number(settings.measurers, 0U, 256U, "processes"));
  add(table, {"misc"}, "SetMeasureTimeout", into_seconds(settings.measure_timeout, 1, 86'400));
  add(table, {"misc"}, "ResumeScan", into_bool(settings.resumes_scan));
  add(table, {"misc"}, "SetIOLimit", into(settings.limits.bytes_per_second, parse_kibibytes));
  add(table, {"misc"}, "SetIOPriority", into(settings.io_priority, parse_io_priority));
  add(table, {"misc"}, "SetPressureLimit",
      into_number(settings.limits.pressure_percent, 0U, 100U, "percent"));
  add(table, {"misc"}, "SetDropCache", into_bool(settings.drops_cache));
  add(table, {"misc"}, "DigestAlgo", into(settings.scan.digests.first, parse_digest));
  add(table, {"misc"}, "SecondDigestAlgo", into(settings.scan.digests.second, parse_second_digest));
  add(table, {"misc"}, "ReportOnlyOnce", into_bool(settings.scan.reports_once));
  add(table, {"misc"}, "ReportFullDetail", into_bool(settings.scan.reports_full_detail));
  add(table, {"misc"}, "UseLocalTime", into_bool(settings.scan.uses_local_time));
}

void add_log(Table& table, Settings& settings) {
  add(table, {"log"}, "PrintSeverity", into_threshold(settings.print.severities));
  add(table, {"log"}, "LogSeverity", into_threshold(settings.log.severities));
  add(table, {"log"}, "ExportSeverity", into_threshold(settings.exported.severities));
  add(table, {"log"}, "PrintClass", into(settings.print.classes, report::parse_classes));
  add(table, {"log"}, "LogClass", into(settings.log.classes, report::parse_classes));
  add(table, {"log"}, "ExportClass", into(settings.exported.classes, report::parse_classes));
  add(table, {"misc"}, "MessageHeader", into_header(settings));
  add(table, {"log", "misc"}, "PrintFormat", into_form(settings.print_layout.form));
  add(table, {"log", "misc"}, "LogFormat", into_form(settings.log_layout.form));
}

struct Mebibytes {
  std::uint64_t spool = 0;
  std::uint64_t download = 0;
};

void add_client(Table& table, Settings& settings, Mebibytes& mebibytes) {
  const auto both = {std::string_view{"client"}, std::string_view{"misc"}};
  add(table, both, "SetLogServer",
      [&settings](const config::Entry& entry) { return take_server(settings, entry); });
  add(table, both, "SetServerPort",
      into_number<std::uint16_t>(settings.server_port, 1, 65'535, ""));
  add(table, both, "SetBindAddress", into(settings.bind_address, parse_address));
  add(table, both, "SetKeepAlive", into_seconds(settings.keep_alive, 1, 86'400));
  add(table, both, "StartupLoadDelay", into_seconds(settings.load_delay, 0, 86'400));
  add(table, both, "SetPasswordFile", into(settings.password_file, config::parse_path));
  add(table, both, "SetServerCA", into(settings.server_ca, config::parse_path));
  add(table, both, "SetSpoolPath", into(settings.spool_path, config::parse_path));
  add(table, both, "SetSpoolLimit",
      into_number<std::uint64_t>(mebibytes.spool, 2, 1U << 20, "mebibytes"));
  add(table, both, "SetUploadBaseline", into_bool(settings.uploads_baseline));
  add(table, both, "SetDeltaRetryCount", into_number(settings.delta_retries, 0U, 1'000U, "times"));
  add(table, both, "SetDeltaRetryInterval", into_seconds(settings.delta_retry_interval, 1, 86'400));
  add(table, both, "SetDownloadLimit",
      into_number<std::uint64_t>(mebibytes.download, 1, 1U << 20, "mebibytes"));
}

void apply_options(const Options& options, Settings& settings) {
  if (options.action) settings.action = *options.action;
  if (options.is_daemon) settings.is_daemon = true;
  if (options.is_forever || options.is_foreground) settings.is_daemon = false;
  settings.is_forever = options.is_forever;
  if (options.print_threshold) settings.print.severities = *options.print_threshold;
  if (options.log_threshold) settings.log.severities = *options.log_threshold;
  if (options.export_threshold) settings.exported.severities = *options.export_threshold;
  if (options.depth) settings.default_depth = *options.depth;
  if (options.bind_address) settings.bind_address = options.bind_address;
  if (options.server_host) {
    settings.server_host = *options.server_host;
    settings.second_server_host = options.second_server_host;
  }
  if (options.password_file) settings.password_file = *options.password_file;
  if (options.server_ca) settings.server_ca = *options.server_ca;
  if (options.server_port) settings.server_port = *options.server_port;
  settings.update = options.update;
  settings.prints_baseline = options.prints_baseline;
  // A baseline is made once, in front of the user.
  const bool is_made = settings.action == Action::Init || settings.action == Action::Update;
  const bool is_attended = options.update.is_interactive || !options.update.list_file.empty();
  if (is_made || is_attended) settings.is_daemon = settings.is_forever = false;
}

Settings defaults(const Paths& paths, const std::string& host_name) {
  Settings settings;
  settings.host_name = host_name;
  const Place baseline = place_of(paths.baseline);
  settings.baseline_path = baseline.local;
  settings.is_baseline_remote = baseline.is_remote;
  settings.log_path = paths.log;
  settings.pid_path = paths.pid;
  settings.spool_path = paths.state + "/spool";
  settings.server_port = DEFAULT_PORT;
  return settings;
}

/// The messages of the original, without what explains them.
Report classic_report_of(const config::Problem& problem, const std::string& config_path,
                         std::int64_t time_ns) {
  using Kind = config::Problem::Kind;
  const std::string line = std::to_string(problem.line);
  switch (problem.kind) {
    case Kind::UnknownSection:
      return report::make_filled(report::kUnknownSection, {line}, time_ns);
    case Kind::InvalidInput:
      return report::make(report::kInvalidInput, time_ns,
                          {{"option", base::lower(problem.key)}, {"obj", problem.value}});
    case Kind::UnsupportedTest:
      return report::make_filled(report::kUnsupportedTest, {line}, time_ns);
    case Kind::UnmatchedEnd:
      return report::make(report::kUnmatchedEnd, time_ns, {{"option", config_path}, {"obj", line}});
    case Kind::MissingEnd:
      return report::make(report::kMissingEnd, time_ns, {{"option", config_path}, {"obj", line}});
    case Kind::NotBuilt:
      return report::make(report::kOptionNotBuilt, time_ns, {{"option", problem.key}});
    case Kind::NoUse:
      return report::make(report::kOptionNoUse, time_ns, {{"option", problem.key}});
    case Kind::Duplicate:
      return report::make(report::kSaidTwice, time_ns,
                          {{"option", problem.key}, {"obj", problem.value}});
    case Kind::InvalidLine:
    case Kind::Unreadable:
      break;
  }
  return report::make_filled(report::kInvalidLine, {line}, time_ns);
}

}  // namespace

Loaded read_settings(std::string_view text, const Options& options, const Paths& paths,
                     const config::Surroundings& surroundings) {
  Loaded loaded;
  loaded.settings = defaults(paths, surroundings.host_name);
  Settings& settings = loaded.settings;
  Mebibytes mebibytes{settings.spool_limit_bytes >> 20, settings.download_limit_bytes >> 20};

  policy::Reading reading;
  Table table = policy::watch_settings(reading);
  std::ranges::move(policy::severity_settings(settings.scan.severities), std::back_inserter(table));
  add_run(table, settings, paths);
  add_scan(table, settings);
  std::ranges::move(scan::side_rule_settings(settings.scan.rules), std::back_inserter(table));
  add_log(table, settings);
  add_client(table, settings, mebibytes);

  config::Document document = config::parse(text, surroundings);
  loaded.problems = config::apply(document, table, config::agent_not_built());
  std::ranges::move(document.problems, std::back_inserter(loaded.problems));
  std::ranges::stable_sort(loaded.problems, {}, &config::Problem::line);

  settings.watches = reading.finish();
  settings.spool_limit_bytes = mebibytes.spool << 20;
  settings.download_limit_bytes = mebibytes.download << 20;
  if (settings.server_host.empty()) {
    settings.server_host = DEFAULT_LOG_SERVER;
    settings.second_server_host = DEFAULT_ALT_LOG_SERVER;
  }
  apply_options(options, settings);
  settings.status_path = beside_baseline(settings.baseline_path, paths, kStatusSuffix);
  settings.resume_path = beside_baseline(settings.baseline_path, paths, ".resume");
  settings.findings_path = beside_baseline(settings.baseline_path, paths, ".findings");
  return loaded;
}

Loading load_settings(const Options& options, const Paths& paths, const std::string& host_name) {
  const std::string path = place_of(options.config_path.value_or(paths.config)).local;
  Loading loading;
  // First may it be believed, then what does it say: it can name commands to run.
  if (access(path.c_str(), F_OK) == 0) {
    loading.unusable.distrust = sys::find_distrust(path, {});
    if (!loading.unusable.distrust.empty()) {
      loading.unusable.error = Error{Error::Kind::Refused, "untrusted path"};
      return loading;
    }
  }
  const auto bytes = sys::read_file(path, config::kMaxFile);
  if (!bytes) {
    loading.unusable.error = bytes.error();
    return loading;
  }
  loading.loaded =
      read_settings(as_text(*bytes), options, paths, config::real_surroundings(host_name));
  loading.loaded->settings.config_path = path;
  loading.loaded->settings.config_digest = base::hex(crypto::sha256(*bytes));
  return loading;
}

Loading read_received(UniqueFd received, const Digest& digest, const Options& options,
                      const Paths& paths, const std::string& host_name) {
  Loading loading;
  if (lseek(received.get(), 0, SEEK_SET) != 0) {
    loading.unusable.error = system_error("lseek", errno);
    return loading;
  }
  const auto bytes = sys::read_all(received.get(), config::kMaxFile);
  if (!bytes) {
    loading.unusable.error = bytes.error();
    return loading;
  }
  loading.loaded =
      read_settings(as_text(*bytes), options, paths, config::real_surroundings(host_name));
  Settings& settings = loading.loaded->settings;
  settings.config_path = kFromServer;
  settings.is_config_remote = true;
  settings.config_digest = base::hex(digest);
  loading.loaded->received = std::move(received);
  loading.loaded->received_digest = digest;
  return loading;
}

std::string beside_baseline(const std::string& baseline_path, const Paths& paths,
                            std::string_view suffix) {
  std::string path = place_of(baseline_path).local;
  if (path.empty()) path = paths.state + "/samhain_file";
  return path.append(suffix);
}

Report report_of(const config::Problem& problem, const std::string& config_path,
                 std::int64_t time_ns) {
  Report report = classic_report_of(problem, config_path, time_ns);
  report.fields.push_back({"path", config_path});
  report.fields.push_back({"line", std::to_string(problem.line)});
  if (!problem.reason.empty()) report.fields.push_back({"reason", problem.reason});
  if (!problem.remedy.empty()) report.fields.push_back({"remedy", problem.remedy});
  return report;
}

}  // namespace samhain::agent
