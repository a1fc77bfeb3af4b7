#include "scan/side_rules.h"

#include <span>
#include <utility>

#include "base/text.h"
#include "config/values.h"
#include "policy/pattern.h"

namespace samhain::scan {
namespace {

using policy::Skipper;
using policy::SkipSettings;
using Take = std::function<Result<void>(const config::Entry& entry)>;

Take into_bool(bool& place) {
  return [&place](const config::Entry& entry) -> Result<void> {
    const auto value = config::parse_bool(entry.value);
    if (!value) return value.error();
    place = *value;
    return {};
  };
}

Take into_patterns(std::vector<std::string>& patterns) {
  return [&patterns](const config::Entry& entry) -> Result<void> {
    const auto compiled = policy::PathPatterns::compile(std::span{&entry.value, 1});
    if (!compiled) return compiled.error();
    patterns.push_back(entry.value);
    return {};
  };
}

/// A line that Skipper takes; of types, together with those before it.
Take into_skip(SkipSettings& settings, std::vector<std::string> SkipSettings::*lines) {
  return [&settings, lines](const config::Entry& entry) -> Result<void> {
    SkipSettings more;
    more.types = settings.types;
    (more.*lines).push_back(entry.value);
    const auto made = Skipper::make(more);
    if (!made) return made.error();
    (settings.*lines).push_back(entry.value);
    return {};
  };
}

Result<void> take_offset(SideRules& rules, const config::Entry& entry) {
  const std::size_t colon = entry.value.find(':');
  const auto offset =
      base::to_number<std::int64_t>(base::trim(std::string_view{entry.value}.substr(0, colon)));
  if (colon == std::string::npos || !offset) {
    return Error{Error::Kind::Malformed, "no number before the path; write N:/path"};
  }
  auto path = config::parse_path(base::trim(std::string_view{entry.value}.substr(colon + 1)));
  if (!path) return path.error();
  rules.hard_link_offsets.insert_or_assign(*std::move(path), *offset);
  return {};
}

}  // namespace

std::vector<config::Setting> side_rule_settings(SideRules& rules) {
  return {{"misc", "LooseDirCheck", into_bool(rules.is_loose_on_directories)},
          {"misc", "ReportCheckflags", into_bool(rules.shows_check_flags)},
          {"misc", "UseHardlinkCheck", into_bool(rules.checks_hard_links)},
          {"misc", "HardlinkOffset",
           [&rules](const config::Entry& entry) { return take_offset(rules, entry); }},
          {"misc", "FilenamesAreUTF8", into_bool(rules.names.are_utf8)},
          {"misc", "AddOKChars",
           [&rules](const config::Entry& entry) {
             return read_ordinary_bytes(entry.value, rules.names);
           }},
          {"misc", "IgnoreAdded", into_patterns(rules.ignore_added)},
          {"misc", "IgnoreMissing", into_patterns(rules.ignore_missing)},
          {"misc", "IgnoreModified", into_patterns(rules.skip.ignore_modified)},
          {"misc", "SkipChecksum", into_skip(rules.skip, &SkipSettings::conditions)},
          {"misc", "FileType", into_skip(rules.skip, &SkipSettings::types)}};
}

}  // namespace samhain::scan
