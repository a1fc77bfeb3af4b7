#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "baseline/baseline.h"
#include "policy/policy.h"
#include "samhain/result.h"
#include "scan/acceptance.h"
#include "scan/judge.h"
#include "scan/measurer_pool.h"

namespace samhain::scan {

/// An update of some paths: only these are measured, judged and handed to the acceptance; all other
/// entries of the old baseline are kept.  Everything happens in callbacks of the pool.
class SpotCheck {
 public:
  struct Parts {
    MeasurerPool& pool;
    const policy::PolicyTree& tree;
    Judge& judge;
    baseline::Writer& writer;
    baseline::Reader& reader;
    Acceptance& acceptance;
  };
  using OnDone = std::function<void(Result<void>)>;  ///< once; may not destroy the check
  /// A path of which nothing is to be said: the configuration does not watch it, and the baseline
  /// does not have it.
  using OnUnknown = std::function<void(const std::string& path)>;

  SpotCheck(Parts parts, OnUnknown on_unknown, OnDone on_done);
  void begin(const std::vector<std::string>& paths);  ///< absolute
  void stop(const Error& why);

 private:
  struct Directory {
    std::vector<baseline::Entry> known{};
    std::set<std::string, std::less<>> open{};  ///< names that nothing was heard of yet
    unsigned orders = 0;
    std::size_t trusted_depth = 0;
  };

  void advance();
  bool order(const std::string& path, const std::vector<std::string>& names);
  std::optional<policy::Rule> rule_of(std::string_view path) const;
  Wanted wanted_of(const std::string& path, const Directory& directory,
                   const std::string& name) const;
  bool is_worth_asking(const std::string& path, const Directory& directory,
                       const std::string& name);
  void submit(const std::string& path, const std::vector<Wanted>& names, std::size_t trusted_depth);
  void take(const std::string& path, Answer&& answer);
  void take_object(const std::string& path, const Directory& directory, const FileFacts& facts);
  void take_gone(const std::string& path, const Directory& directory, std::string_view name);
  Result<void> keep_others();
  void end(Result<void> result);

  Parts parts_;
  OnUnknown on_unknown_;
  OnDone on_done_;
  std::vector<std::string> files_;                           ///< configured ones, sorted
  std::vector<std::string> tops_;                            ///< configured directories, sorted
  std::map<std::string, std::vector<std::string>> waiting_;  ///< directories not yet ordered
  std::map<std::string, Directory> under_way_;
  std::set<std::string, std::less<>> settled_;  ///< paths whose place in the baseline is decided
  bool is_done_ = false;
};

}  // namespace samhain::scan
