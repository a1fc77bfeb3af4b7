#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "samhain/report.h"
#include "samhain/result.h"
#include "samhain/severity.h"

namespace samhain::agent {

/// What a check found, by a number for who accepts it (`samhain update --finding N`).
struct Finding {
  std::uint64_t number = 0;  ///< from 1, never that of another one before
  std::int64_t time_ns = 0;  ///< since the epoch
  Severity severity = Severity::Crit;
  std::string change;  ///< "C-------TS", "ADDED", "MISSING", "NODIRECTORY"
  std::string path;
  /// How the object was, as the report had it (`size_new`…): who accepts the finding has seen this.
  std::vector<Field> seen{};
};

/// Is what `now` tells of the same object still what `finding` told?  An object that changed once
/// more since then is not what somebody looked at.
bool is_as_seen(const Finding& finding, const Report& now);

/// The findings about one baseline, oldest first; more than kMaxFindings are only counted.  A path
/// that is found again keeps its number.
struct Findings {
  std::string baseline_digest;  ///< SHA-256 in hex of the baseline that they are about
  std::uint64_t left_out = 0;
  std::vector<Finding> all;
  std::uint64_t next_number = 1;

  /// Reports that are no findings are passed over.
  void note(const Report& report);
  const Finding* find(std::uint64_t number) const;

 private:
  friend Result<Findings> load_findings(const std::string& path);
  std::map<std::string, std::size_t, std::less<>> places_;  ///< in `all`, of note() and the file
};
inline constexpr std::size_t kMaxFindings = 10'000;

/// The file of the last check's findings, mode 0600, written whole or not at all.
Result<void> save_findings(const std::string& path, const Findings& findings);
/// Errors: Missing (no check has been), Malformed, System, Refused (no regular file), Limit.
Result<Findings> load_findings(const std::string& path);

}  // namespace samhain::agent
