#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/settings.h"
#include "policy/skip.h"
#include "scan/names.h"

namespace samhain::scan {

/// What decides beside the policies what is measured, judged and shown: samhainrc(5), [Misc].
struct SideRules {
  bool is_loose_on_directories = false;  ///< LooseDirCheck
  bool shows_check_flags = false;        ///< ReportCheckflags
  bool checks_hard_links = true;         ///< UseHardlinkCheck
  /// HardlinkOffset: how many links a directory has beyond those counted.
  std::map<std::string, std::int64_t, std::less<>> hard_link_offsets;
  NameRules names;
  std::vector<std::string> ignore_added;    ///< IgnoreAdded, a pattern for each line
  std::vector<std::string> ignore_missing;  ///< IgnoreMissing
  policy::SkipSettings skip;                ///< SkipChecksum, FileType and IgnoreModified
};

/// Their options.
std::vector<config::Setting> side_rule_settings(SideRules& rules);

}  // namespace samhain::scan
