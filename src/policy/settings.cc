#include "policy/settings.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "report/threshold.h"

namespace samhain::policy {
namespace {

Result<Severity> parse_severity(std::string_view value) {
  if (const auto severity = report::severity_named(value)) return *severity;
  return Error{Error::Kind::Malformed,
               "no severity; give one of none debug info notice warn mark err crit alert"};
}

config::Setting watch_setting(Name name, bool is_directory, std::vector<Watch>& watches) {
  return {section_of(name), is_directory ? "dir" : "file",
          [name, is_directory, &watches](const config::Entry& entry) -> Result<void> {
            auto watch = parse_watch(name, is_directory, entry.value);
            if (!watch) return watch.error();
            watch->line = entry.line;
            watches.push_back(std::move(*watch));
            return {};
          }};
}

template <class Store>
config::Setting severity_setting(std::string_view key, Store store) {
  return {"eventseverity", key, [store](const config::Entry& entry) -> Result<void> {
            const auto severity = parse_severity(entry.value);
            if (!severity) return severity.error();
            store(*severity);
            return {};
          }};
}

constexpr std::array<std::pair<Name, std::string_view>, kNames.size()> kSeverityKeys = {{
    {Name::ReadOnly, "SeverityReadOnly"},
    {Name::LogFiles, "SeverityLogFiles"},
    {Name::GrowingLogFiles, "SeverityGrowingLogs"},
    {Name::IgnoreNone, "SeverityIgnoreNone"},
    {Name::IgnoreAll, "SeverityIgnoreAll"},
    {Name::Attributes, "SeverityAttributes"},
    {Name::User0, "SeverityUser0"},
    {Name::User1, "SeverityUser1"},
    {Name::User2, "SeverityUser2"},
    {Name::User3, "SeverityUser3"},
    {Name::User4, "SeverityUser4"},
}};

}  // namespace

std::vector<config::Setting> watch_settings(std::vector<Watch>& watches) {
  std::vector<config::Setting> settings;
  settings.reserve(2 * kNames.size());
  for (const Name name : kNames) {
    settings.push_back(watch_setting(name, false, watches));
    settings.push_back(watch_setting(name, true, watches));
  }
  return settings;
}

std::vector<config::Setting> severity_settings(Severities& severities) {
  std::vector<config::Setting> settings;
  settings.reserve(kSeverityKeys.size() + 3);
  for (const auto& [name, key] : kSeverityKeys) {
    settings.push_back(severity_setting(
        key, [&severities, policy = name](Severity s) { severities.of_policy[policy] = s; }));
  }
  settings.push_back(
      severity_setting("SeverityFiles", [&severities](Severity s) { severities.files = s; }));
  settings.push_back(
      severity_setting("SeverityDirs", [&severities](Severity s) { severities.dirs = s; }));
  settings.push_back(
      severity_setting("SeverityNames", [&severities](Severity s) { severities.names = s; }));
  return settings;
}

}  // namespace samhain::policy
