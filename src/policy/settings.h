#pragma once

#include <vector>

#include "config/settings.h"
#include "policy/policy.h"

namespace samhain::policy {

/// `file=` and `dir=` of every policy section; each line is appended to `watches`, globs
/// unexpanded.
std::vector<config::Setting> watch_settings(std::vector<Watch>& watches);

/// The keys of [EventSeverity]: one of each policy, SeverityFiles, SeverityDirs, SeverityNames.
std::vector<config::Setting> severity_settings(Severities& severities);

}  // namespace samhain::policy
