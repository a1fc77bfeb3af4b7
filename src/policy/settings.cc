#include "policy/settings.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "config/values.h"
#include "report/threshold.h"

namespace samhain::policy {
namespace {

constexpr std::array<std::pair<Attribute, std::string_view>, 2> kNotBuilt = {
    {{Attribute::Prelinked, "PRE"}, {Attribute::Audit, "AUDIT"}}};

Result<Severity> parse_severity(std::string_view value) {
  if (const auto severity = report::severity_named(value)) return *severity;
  return Error{Error::Kind::Malformed,
               "no severity; give one of none debug info notice warn mark err crit alert"};
}

config::Setting watch_setting(Name name, bool is_directory, Reading& reading) {
  return {section_of(name), is_directory ? "dir" : "file",
          [name, is_directory, &reading](const config::Entry& entry) -> Result<void> {
            auto watch = parse_watch(name, is_directory, entry.value);
            if (!watch) return watch.error();
            watch->line = entry.line;
            watch->attributes = reading.masks.of(name);
            watch->is_second = is_directory && reading.is_in_second_schedule;
            reading.watches.push_back(*std::move(watch));
            return {};
          }};
}

config::Setting mark_setting(std::string_view section, bool begins, Reading& reading) {
  return {section, begins ? "%SCHEDULE_TWO" : "!%SCHEDULE_TWO",
          [begins, &reading](const config::Entry&) -> Result<void> {
            reading.is_in_second_schedule = begins;
            return {};
          }};
}

config::Setting bool_setting(std::string_view key, bool& place) {
  return {"misc", key, [&place](const config::Entry& entry) -> Result<void> {
            const auto value = config::parse_bool(entry.value);
            if (!value) return value.error();
            place = *value;
            return {};
          }};
}

config::Setting redefinition(Name name, std::string_view key, Masks& masks) {
  return {"misc", key, [name, &masks](const config::Entry& entry) -> Result<void> {
            const auto mask = redefine(masks.of(name), entry.value);
            if (!mask) return mask.error();
            masks.set(name, *mask);
            // Known words without a work: what else the line says counts.
            for (const auto& [attribute, word] : kNotBuilt) {
              if (!mask->has(attribute) || attributes_of(name).has(attribute)) continue;
              return Error{Error::Kind::NotBuilt,
                           fmt::format("{} has no effect: not built here yet; take it out", word)};
            }
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

constexpr std::array<std::pair<Name, std::string_view>, kNames.size()> kRedefinitionKeys = {{
    {Name::ReadOnly, "RedefReadOnly"},
    {Name::LogFiles, "RedefLogFiles"},
    {Name::GrowingLogFiles, "RedefGrowingLogFiles"},
    {Name::IgnoreNone, "RedefIgnoreNone"},
    {Name::IgnoreAll, "RedefIgnoreAll"},
    {Name::Attributes, "RedefAttributes"},
    {Name::User0, "RedefUser0"},
    {Name::User1, "RedefUser1"},
    {Name::User2, "RedefUser2"},
    {Name::User3, "RedefUser3"},
    {Name::User4, "RedefUser4"},
    {Name::Prelink, "RedefPrelink"},
}};

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
    {Name::Prelink, "SeverityPrelink"},
}};

}  // namespace

std::vector<Watch> Reading::finish() {
  for (Watch& watch : watches) {
    AttributeSet mask = watch.attributes.value_or(attributes_of(watch.policy));
    if (!mask.has(Attribute::Mode)) continue;
    if (checks_acl) mask.add(Attribute::Acl);
    if (checks_selinux) mask.add(Attribute::Selinux);
    watch.attributes = mask;
  }
  return std::move(watches);
}

std::vector<config::Setting> watch_settings(Reading& reading) {
  std::vector<config::Setting> settings;
  for (const Name name : kNames) {
    settings.push_back(watch_setting(name, false, reading));
    settings.push_back(watch_setting(name, true, reading));
    settings.push_back(mark_setting(section_of(name), true, reading));
    settings.push_back(mark_setting(section_of(name), false, reading));
  }
  for (const auto& [name, key] : kRedefinitionKeys) {
    settings.push_back(redefinition(name, key, reading.masks));
  }
  settings.push_back(bool_setting("UseACLCheck", reading.checks_acl));
  settings.push_back(bool_setting("UseSelinuxCheck", reading.checks_selinux));
  return settings;
}

config::Setting schedule_setting(std::string_view key, Timetable& table) {
  return {"misc", key, [&table](const config::Entry& entry) -> Result<void> {
            if (entry.value == "NULL") {
              table.clear();
              return {};
            }
            const auto line = Schedule::parse(entry.value);
            if (!line) return line.error();
            table.add(*line);
            return {};
          }};
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
