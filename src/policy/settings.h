#pragma once

#include <vector>

#include "config/settings.h"
#include "policy/policy.h"
#include "policy/redefinition.h"
#include "policy/schedule.h"

namespace samhain::policy {

/// The lines of policies while they are read one after the other: what a line means depends on
/// those before it.
struct Reading {
  std::vector<Watch> watches;  ///< in the order of their lines, globs unexpanded
  Masks masks;
  bool is_in_second_schedule = false;  ///< between %SCHEDULE_TWO and !%SCHEDULE_TWO
  bool checks_acl = false;             ///< UseACLCheck
  bool checks_selinux = false;         ///< UseSelinuxCheck

  /// After the last line: the watches, with what holds for all of them.
  std::vector<Watch> finish();
};

/// `file=`, `dir=` and the marks of the second schedule in every policy section; Redef…,
/// UseACLCheck and UseSelinuxCheck in [Misc].
std::vector<config::Setting> watch_settings(Reading& reading);

/// A line of FileCheckScheduleOne or …Two: lines add up, `NULL` takes away those before it.
config::Setting schedule_setting(std::string_view key, Timetable& table);

/// The keys of [EventSeverity]: one of each policy, SeverityFiles, SeverityDirs, SeverityNames.
std::vector<config::Setting> severity_settings(Severities& severities);

}  // namespace samhain::policy
