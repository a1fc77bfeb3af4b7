#include "server/settings.h"

#include <fmt/format.h>
#include <pwd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/text.h"
#include "config/known.h"
#include "config/settings.h"
#include "config/values.h"
#include "report/threshold.h"

namespace samhain::server {
namespace {

using config::Entry;
using Take = std::function<Result<void>(const Entry&)>;
using Table = std::vector<config::Setting>;

constexpr std::uint32_t kDay = 86'400;
constexpr unsigned kMebibyteBits = 20;
constexpr std::string_view kNone = "none";

Error wrong(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

/// Stores what `parse` makes of a value.
template <class T, class Parse>
Take into(T& target, Parse parse) {
  return [&target, parse](const Entry& entry) -> Result<void> {
    auto value = parse(entry.value);
    if (!value) return value.error();
    target = std::move(*value);
    return {};
  };
}

Take seconds_into(std::chrono::seconds& target, std::uint32_t lowest, std::uint32_t highest) {
  return [&target, lowest, highest](const Entry& entry) -> Result<void> {
    auto value = config::parse_number<std::uint32_t>(entry.value, lowest, highest, "seconds");
    if (!value) return value.error();
    target = std::chrono::seconds{*value};
    return {};
  };
}

template <class T>
Take number_into(T& target, T lowest, T highest) {
  return into(target, [lowest, highest](std::string_view value) {
    return config::parse_number<T>(value, lowest, highest, "");
  });
}

Result<report::Form> parse_form(std::string_view value) {
  if (const auto form = report::form_named(value)) return *form;
  return wrong("no such form; give guide or classic");
}

Result<Severity> parse_severity(std::string_view value) {
  if (const auto severity = report::severity_named(value)) return *severity;
  return wrong("no such severity; give one of debug, info, notice, warn, mark, err, crit, alert");
}

Result<std::optional<sys::Address>> parse_interface(std::string_view value) {
  if (base::equal_no_case(value, "INADDR_ANY")) return std::optional<sys::Address>{};
  auto address = sys::Address::parse(value, 0);
  if (!address) return wrong("not an address; give a numeric IPv4 or IPv6 address");
  return address;
}

Result<std::string> parse_html_file(std::string_view value) {
  if (base::equal_no_case(value, kNone)) return std::string{kNone};
  return config::parse_path(value);
}

/// Where nothing is said it is beside the log.
std::string html_file_of(const Settings& settings) {
  if (settings.html_path == kNone) return {};
  if (!settings.html_path.empty()) return settings.html_path;
  return settings.log_path.substr(0, settings.log_path.rfind('/') + 1) + "yule.html";
}

Result<std::optional<sys::Address>> parse_source(std::string_view value) {
  auto address = sys::Address::parse(value, 0);
  if (!address) return wrong("not an address; give a numeric IPv4 or IPv6 address");
  return address;
}

Result<uid_t> parse_user(const std::string& name) {
  if (const auto number = base::to_number<uid_t>(name)) return *number;
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr) return wrong(fmt::format("no user {} here; give names or uids", name));
  return user->pw_uid;
}

Take users_into(std::vector<uid_t>& target) {
  return [&target](const Entry& entry) -> Result<void> {
    auto names = config::parse_list(entry.value);
    if (!names) return names.error();
    std::vector<uid_t> users;
    for (const std::string& name : *names) {
      auto user = parse_user(name);
      if (!user) return user.error();
      users.push_back(*user);
    }
    target.insert(target.end(), users.begin(), users.end());
    return {};
  };
}

Result<void> take_server(RelaySettings& relay, const Entry& entry) {
  if (entry.value.empty()) return wrong("no host; give a name or an address");
  if (!relay.host.empty() && !relay.second_host.empty()) {
    return Error{Error::Kind::Busy, "there are two servers already; leave two SetLogServer"};
  }
  (relay.host.empty() ? relay.host : relay.second_host) = base::lower(entry.value);
  return {};
}

void add_log(Table& table, Settings& settings) {
  table.push_back(
      {"log", "PrintSeverity", into(settings.print.severities, report::parse_threshold)});
  table.push_back({"log", "LogSeverity", into(settings.log.severities, report::parse_threshold)});
  table.push_back({"log", "PrintClass", into(settings.print.classes, report::parse_classes)});
  table.push_back({"log", "LogClass", into(settings.log.classes, report::parse_classes)});
  table.push_back(
      {"log", "ExportSeverity", into(settings.relay_own.severities, report::parse_threshold)});
  table.push_back({"log", "ExportClass", into(settings.relay_own.classes, report::parse_classes)});
  for (const std::string_view section : {"log", "misc"}) {
    table.push_back({section, "PrintFormat", into(settings.print_layout.form, parse_form)});
    table.push_back({section, "LogFormat", into(settings.log_layout.form, parse_form)});
  }
}

Take header_into(Settings& settings) {
  return [&settings](const Entry& entry) -> Result<void> {
    auto header = report::parse_header(entry.value);
    if (!header) return header.error();
    settings.print_layout.header = settings.log_layout.header = std::move(*header);
    return {};
  };
}

void add_misc(Table& table, Settings& settings) {
  table.push_back({"misc", "Daemon", into(settings.is_daemon, config::parse_bool)});
  table.push_back({"misc", "MessageHeader", header_into(settings)});
  table.push_back({"misc", "HideSetup", into(settings.hides_setup, config::parse_bool)});
  table.push_back({"misc", "SetLoopTime", seconds_into(settings.loop_time, 0, kDay)});
  table.push_back({"misc", "TrustedUser", users_into(settings.trusted)});
  table.push_back({"misc", "SetLogfilePath", into(settings.log_path, config::parse_path)});
  table.push_back({"misc", "SetLockfilePath", into(settings.pid_path, config::parse_path)});
}

/// The original's one clock for all that says nothing: here each kind of silence has its own, and
/// none of them is to be longer.
Take connection_timeout_into(FrontSettings& front) {
  return [&front](const Entry& entry) -> Result<void> {
    auto value = config::parse_number<std::uint32_t>(entry.value, 0, kDay, "seconds");
    if (!value) return value.error();
    if (*value == 0) return {};
    front.idle = std::chrono::seconds{*value};
    front.handshake = std::min(front.handshake, front.idle);
    front.frame = std::min(front.frame, front.idle);
    return {};
  };
}

void add_server(Table& table, std::string_view section, Settings& settings) {
  const auto add = [&table, section](std::string_view key, Take take) {
    table.push_back({section, key, std::move(take)});
  };
  add("SetServerPort", number_into<std::uint16_t>(settings.port, 1, 65'535));
  add("SetServerInterface", into(settings.interface, parse_interface));
  add("SetUseSocket", into(settings.has_socket, config::parse_bool));
  add("SetSocketPath", into(settings.socket_path, config::parse_path));
  add("SetSocketAllowUid", into(settings.socket_uid, [](std::string_view value) {
        return parse_user(std::string{value});
      }));
  add("SetDataDirectory", into(settings.data_path, config::parse_path));
  add("SetChrootDir", into(settings.jail_path, config::parse_path));
  add("AcceptBaselineUpload", into(settings.accepts_uploads, config::parse_bool));
  add("SetPendingPath", into(settings.pending_path, config::parse_path));
  add("SetUploadLimit",
      number_into<std::uint64_t>(settings.upload_limit_mib, 1, kMaxUpload >> kMebibyteBits));
  add("SetHtmlFile", into(settings.html_path, parse_html_file));
  add("SetStripDomain", into(settings.strips_domain, config::parse_bool));
  add("SetClientFromAccept", into(settings.names_from_accept, config::parse_bool));
  add("UseSeparateLogs", into(settings.has_separate_logs, config::parse_bool));
  add("UseClientSeverity", into(settings.client_rules.by_severity, config::parse_bool));
  add("UseClientClass", into(settings.client_rules.by_class, config::parse_bool));
  add("SeverityLookup", into(settings.lookup_severity, parse_severity));
  add("SetLogServer",
      [&settings](const Entry& entry) { return take_server(settings.relay, entry); });
  add("SetBindAddress", into(settings.relay.source, parse_source));
  add("SetPasswordFile", into(settings.relay.password_file, config::parse_path));
  add("SetSpoolPath", into(settings.relay.spool_path, config::parse_path));
  add("SetSpoolLimit", [&settings](const Entry& entry) -> Result<void> {
    auto value = config::parse_number<std::uint64_t>(entry.value, 2, 1U << 20, "mebibytes");
    if (!value) return value.error();
    settings.relay.spool_limit_mib = *value;
    return {};
  });
  add("SetUDPActive", into(settings.receives_syslog, config::parse_bool));
  add("SetUDPPort", number_into<std::uint16_t>(settings.syslog_port, 1, 65'535));
  add("SetClientTimeLimit", seconds_into(settings.client_time_limit, 0, 365 * kDay));
  add("SetSessionLifetime", seconds_into(settings.session_lifetime, 1, 365 * kDay));
  add("SetHandshakeTimeout", seconds_into(settings.front.handshake, 1, kDay));
  add("SetIdleTimeout", seconds_into(settings.front.idle, 1, kDay));
  add("SetFrameTimeout", seconds_into(settings.front.frame, 1, kDay));
  add("SetServerCertificate", into(settings.certificate_path, config::parse_path));
  add("SetServerKey", into(settings.key_path, config::parse_path));
  add("SetConnectionTimeout", connection_timeout_into(settings.front));
  add("SetMaxUnauthenticated", number_into(settings.max_unauthenticated, 1U, 1'000'000U));
  add("SetMaxFailedAttempts", number_into(settings.max_failed_attempts, 1U, 1'000'000U));
}

/// The last registration of a host counts, and the two lines are named: the first one may be the
/// right one.
Take clients_into(Settings& settings, std::map<std::string, unsigned>& lines) {
  return [&settings, &lines](const Entry& entry) -> Result<void> {
    auto verifier = srp::parse_registration(entry.value);
    if (!verifier) return verifier.error();
    const std::string host = verifier->host;
    settings.clients[host] = std::move(*verifier);
    const auto [line, is_new] = lines.emplace(host, entry.line);
    if (is_new) return {};
    const unsigned before = std::exchange(line->second, entry.line);
    return Error{Error::Kind::Busy,
                 fmt::format("{} is registered in line {} and again in line {}, which counts; "
                             "leave one of them out",
                             host, before, entry.line)};
  };
}

}  // namespace

Loaded read_settings(std::string_view text, const config::Surroundings& surroundings,
                     const Defaults& defaults) {
  Loaded loaded;
  Settings& settings = loaded.settings;
  settings.log_path = defaults.log_path;
  settings.pid_path = defaults.pid_path;
  settings.socket_path = defaults.socket_path;
  settings.port = defaults.port;
  settings.data_path = defaults.data_path;
  settings.html_path = defaults.html_path;
  settings.relay.port = defaults.relay_port;

  Table table;
  std::map<std::string, unsigned> registered_in;
  add_log(table, settings);
  add_misc(table, settings);
  add_server(table, "server", settings);
  add_server(table, "misc", settings);
  table.push_back({"clients", "Client", clients_into(settings, registered_in)});

  const config::Document document = config::parse(text, surroundings);
  loaded.problems = document.problems;
  const auto found = config::apply(document, table, config::server_not_built());
  if (settings.pending_path.empty()) settings.pending_path = settings.data_path + "/pending";
  settings.html_path = html_file_of(settings);
  loaded.problems.insert(loaded.problems.end(), found.begin(), found.end());
  std::stable_sort(loaded.problems.begin(), loaded.problems.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return loaded;
}

namespace {

std::string text_of(const std::optional<sys::Address>& address) {
  return address ? address->text() : std::string{};
}

void keep_relay(const RelaySettings& in_effect, RelaySettings& next,
                std::vector<std::string_view>& kept) {
  if (next.host != in_effect.host || next.second_host != in_effect.second_host) {
    kept.emplace_back("SetLogServer");
  }
  if (text_of(next.source) != text_of(in_effect.source)) kept.emplace_back("SetBindAddress");
  if (next.password_file != in_effect.password_file) kept.emplace_back("SetPasswordFile");
  if (next.spool_path != in_effect.spool_path) kept.emplace_back("SetSpoolPath");
  if (next.spool_limit_mib != in_effect.spool_limit_mib) kept.emplace_back("SetSpoolLimit");
  next = in_effect;
}

}  // namespace

std::vector<std::string_view> keep_until_restart(const Settings& in_effect, Settings& next) {
  std::vector<std::string_view> kept;
  const auto keep = [&](std::string_view option, auto Settings::*place) {
    if (next.*place == in_effect.*place) return;
    next.*place = in_effect.*place;
    kept.push_back(option);
  };
  keep("Daemon", &Settings::is_daemon);
  keep("HideSetup", &Settings::hides_setup);
  keep("SetLogfilePath", &Settings::log_path);
  keep("SetLockfilePath", &Settings::pid_path);
  keep("SetServerPort", &Settings::port);
  keep("SetUseSocket", &Settings::has_socket);
  keep("SetSocketPath", &Settings::socket_path);
  keep("SetChrootDir", &Settings::jail_path);
  keep("SetUDPActive", &Settings::receives_syslog);
  keep("SetUDPPort", &Settings::syslog_port);
  keep_relay(in_effect.relay, next.relay, kept);
  if (text_of(next.interface) != text_of(in_effect.interface)) {
    next.interface = in_effect.interface;
    kept.emplace_back("SetServerInterface");
  }
  return kept;
}

bool has_mistake(const std::vector<config::Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(), config::is_mistake);
}

}  // namespace samhain::server
