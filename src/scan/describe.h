#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "baseline/baseline.h"
#include "policy/policy.h"
#include "samhain/report.h"
#include "scan/compare.h"

namespace samhain::scan {

/// How findings are put into words.
struct Wording {
  bool full_detail = false;      ///< ReportFullDetail: what is unchanged too
  bool uses_local_time = false;  ///< UseLocalTime
  bool check_flags = false;      ///< ReportCheckflags: the policy's attributes, too
};

/// `POLICY [TAG] CODE`: the object at `path` differs from `known` in `differing`.
Report describe_changed(std::string_view path, const baseline::Entry& known,
                        const baseline::Entry& now, const policy::Rule& rule,
                        policy::AttributeSet differing, Wording wording, std::int64_t time_ns);

/// `POLICY ADDED` and `POLICY MISSING`, with all that is known of the object.
Report describe_added(std::string_view path, const baseline::Entry& now, Wording wording,
                      std::int64_t time_ns);
Report describe_missing(std::string_view path, const baseline::Entry& known, Wording wording,
                        std::int64_t time_ns);

/// As ls(1) shows it: "-rw-r--r--"; the type letter of a fifo is a vertical bar.
std::string mode_text(std::uint32_t mode);

/// Twelve places for the attribute letters of lsattr(1) "suSiadAcTDtj", `-` where not set.
std::string flags_text(std::uint32_t flags);

/// The flags that lsattr(1) has a letter for, but those of lasting_flags(); "-" for none.
std::string all_flags_text(std::uint32_t flags);

/// What a symlink in `directory` leads to; not normalised.  "-" for an empty target.
std::string target_text(std::string_view directory, std::string_view target);

}  // namespace samhain::scan
