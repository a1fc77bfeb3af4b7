#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "baseline/baseline.h"

namespace samhain::scan {

/// What was reported since the baseline was made, laid over it, so that each change is reported
/// once (ReportOnlyOnce) and a growing log's last size counts.  The baseline itself stays as it is.
class Memory {
 public:
  void put(std::string_view directory, baseline::Entry entry);  ///< this is how it is now
  void remove(std::string_view directory, std::string_view name);
  void clear();

  /// Changes the baseline's entries of a directory, sorted by name, into what is remembered.
  void apply(std::string_view directory, std::vector<baseline::Entry>& entries) const;
  /// The same for one entry.
  void apply(std::string_view directory, std::string_view name,
             std::optional<baseline::Entry>& entry) const;
  std::vector<std::string> directories() const;  ///< in which something is remembered, sorted

 private:
  /// Nothing instead of an entry: it is gone, and that was reported.
  using Directory = std::map<std::string, std::optional<baseline::Entry>, std::less<>>;
  Directory& at(std::string_view directory);
  std::map<std::string, Directory, std::less<>> directories_;
};

}  // namespace samhain::scan
