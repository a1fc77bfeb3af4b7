#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/dialogue.h"
#include "agent/findings.h"
#include "agent/outlets.h"
#include "agent/settings.h"
#include "base/clock.h"
#include "baseline/baseline.h"
#include "samhain/result.h"
#include "scan/acceptance.h"
#include "scan/scan.h"
#include "sys/loop.h"

namespace samhain::agent {

/// Who runs this program, for the history: the user who called sudo(8), else the one who logged in,
/// else the one we run as; a number where there is no name.
std::string responsible_user();

/// An update of the baseline from its beginning to the moment when the new one can be committed:
/// which paths, the scan, the questions, the history.
class BaselineUpdate {
 public:
  struct Parts {
    sys::Loop& loop;
    const base::Clock& clock;
    Outlets& outlets;
    const Settings& settings;
    scan::Scanner& scanner;
    baseline::Reader& old;
  };
  /// Borrows all of them.
  explicit BaselineUpdate(Parts parts) : parts_(parts) {}

  struct Outcome {
    scan::Summary summary;
    bool is_new = false;       ///< there is something to commit
    bool is_complete = false;  ///< every path that was named is known
  };
  using OnDone = std::function<void(Result<Outcome>)>;

  /// Begins; `on_done` comes from the loop, once, and not after stop().
  /// Errors: Busy (another init or update), Missing (no such finding, nothing fits a pattern),
  ///         Limit (three kinds of digest), System.
  Result<void> begin(OnDone on_done);
  /// The dialogue ends here; a scan is stopped by its scanner.
  void stop();

  /// Before it is judged whether that is accepted: a change that the scan has found.
  void consider(const Report& report);

  baseline::Writer& writer() { return *writer_; }
  /// Once it is committed.
  void tell_accepted();
  /// And these are no findings any more; the others keep their numbers.
  Result<void> forget_accepted() const;
  bool is_asking() const { return dialogue_ != nullptr; }

 private:
  bool is_of_all() const;
  Result<scan::Acceptance::How> plan();
  Result<std::vector<std::string>> find_targets();
  Result<void> add_findings(std::set<std::string>& targets);
  Result<void> add_matches(const std::string& pattern, std::set<std::string>& targets);
  void scanned(Result<scan::Summary> summary);
  void ask();
  void conclude();
  void tell_unknown(const std::string& path);
  void tell_unchanged();

  Parts parts_;
  OnDone on_done_;
  std::set<std::string, std::less<>> chosen_;             ///< the paths that are accepted, of some
  std::map<std::string, Finding, std::less<>> numbered_;  ///< the findings that were named
  std::set<std::string, std::less<>> expected_;           ///< of these, the ones that were named
  std::unique_ptr<baseline::Writer> writer_;
  std::unique_ptr<scan::Acceptance> acceptance_;
  std::unique_ptr<Dialogue> dialogue_;
  scan::Summary summary_;
  std::string who_;
  bool is_complete_ = true;
};

}  // namespace samhain::agent
