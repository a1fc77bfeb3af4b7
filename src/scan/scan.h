#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "baseline/baseline.h"
#include "policy/policy.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "scan/acceptance.h"
#include "scan/measurer_pool.h"
#include "scan/resume.h"
#include "scan/side_rules.h"
#include "sys/loop.h"

namespace samhain::scan {

enum class Mode { Init, Check };

/// The old and the new baseline of an update, with what decides about each object.
struct Update {
  baseline::Reader& old;
  baseline::Writer& writer;
  Acceptance& acceptance;
};

struct Settings {
  bool reports_once = true;          ///< ReportOnlyOnce
  bool reports_full_detail = false;  ///< ReportFullDetail
  bool uses_local_time = false;      ///< UseLocalTime
  baseline::Digests digests;         ///< DigestAlgo, SecondDigest: for a new baseline
  bool tells_steps = false;          ///< each directory and configured file is said to be looked at
  policy::Severities severities;
  SideRules rules;
};

/// What a check of such a baseline can do: TIGER192 is taken over from the original, never made.
baseline::Digests usable(baseline::Digests digests);

struct Summary {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;
  std::uint64_t findings = 0;
  std::uint64_t errors = 0;
  std::uint64_t skipped = 0;  ///< of `files`: a check that goes on with another passed over them
  std::chrono::duration<double> duration{};
};

/// Everything the policy names, once: walk, measure, compare with the baseline (check) or write it
/// (init), report.  Driven by the loop; memory grows with the directories under way, not with the
/// tree. In check mode what was reported is remembered in this object from scan to scan
/// (ReportOnlyOnce).
class Scanner {
 public:
  using OnReport = std::function<void(Report&&)>;
  using OnDone = std::function<void(Result<Summary>)>;

  Scanner(sys::Loop& loop, MeasurerPool& pool, const base::Clock& clock,
          const policy::PolicyTree& tree, Settings settings, OnReport on_report);
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  /// Begins; `on_done` comes from the loop.  One scan at a time.
  void init(baseline::Writer& writer, OnDone on_done);
  /// `resume`: null, or what this check begins with and adds to; borrowed until `on_done`.
  void check(baseline::Reader& baseline, OnDone on_done, Resume* resume = nullptr);
  /// A check whose findings become the new baseline; nothing is remembered of it.
  void update(Update update, OnDone on_done);
  /// The same of some paths, and only these are measured.  `on_unknown`: neither configuration nor
  /// baseline has this one.
  void update_some(Update update, const std::vector<std::string>& paths,
                   std::function<void(const std::string& path)> on_unknown, OnDone on_done);
  bool is_running() const;
  Summary so_far() const;  ///< of the scan that runs, or of the last one; without its duration
  /// Takes over what another scanner, which is not running and not used any more, has reported: it
  /// counts for as long as the baseline stays the same.
  void take_memory_of(Scanner& other);
  void stop();  ///< ends a running scan within a second; its on_done comes with an error

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace samhain::scan
