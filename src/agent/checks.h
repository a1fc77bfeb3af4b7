#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/findings.h"
#include "agent/outlets.h"
#include "agent/resumption.h"
#include "agent/settings.h"
#include "agent/timing.h"
#include "agent/update.h"
#include "base/clock.h"
#include "baseline/baseline.h"
#include "policy/policy.h"
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "scan/measurer_pool.h"
#include "scan/scan.h"
#include "sys/loop.h"

namespace samhain::agent {

/// File checks: the measurers, the baseline, and one scan after another, with the lines that tell
/// of their beginning and end.
class Checks {
 public:
  /// Borrows all but `settings`, which must outlive it too.
  Checks(sys::Loop& loop, const base::Clock& clock, Outlets& outlets, const Settings& settings);
  ~Checks();
  Checks(const Checks&) = delete;
  Checks& operator=(const Checks&) = delete;

  /// Opens the baseline that a check needs.  Every failure is told.
  /// Errors: those of baseline::Reader; Refused for an untrusted path.
  Result<void> open_baseline();
  /// Takes one that the server vouched for into use.  A failure is told, and changes nothing.
  Result<void> take_baseline(UniqueFd fd, const Digest& digest);
  /// Takes changes that the server vouched for into the one in use, until that is read anew.  A
  /// failure is told, and changes nothing.  Not while a scan is running.
  bool apply_delta(UniqueFd fd, const std::string& uuid);
  const Digest& received_digest() const { return received_digest_; }  ///< of the one in use
  std::string baseline_digest() const {
    return baseline_ ? baseline_->digest_hex() : std::string{};
  }

  /// Starts the measurers.
  Result<void> start(std::function<void()> on_ready);
  bool is_ready() const { return pool_ && pool_->is_ready(); }

  /// The settings have changed: what depends on them is made anew, but for a baseline that comes
  /// from the server.  Not while a scan is running.
  Result<void> settings_changed(const Settings& before);

  struct Way {
    bool is_silent = false;   ///< what it finds counts as reported, but is not
    bool is_resumed = false;  ///< ResumeScan, where we are the only one on this baseline
    Due due{};
  };
  /// One scan of what is due, init, check or update as the settings say; `on_done`: it is over, and
  /// well or not.
  void run(Way way, std::function<void(bool is_good)> on_done);
  bool is_running() const { return update_ || (scanner_ && scanner_->is_running()); }
  bool is_asking() const { return update_ && update_->is_asking(); }
  bool has_new_baseline() const { return has_new_baseline_; }  ///< by an update
  /// What the last init wrote, once.
  std::optional<baseline::Written> take_written() { return std::exchange(written_, std::nullopt); }
  /// Of the one that is running, or the last one.
  const scan::Summary& summary() const { return summary_; }
  scan::Summary so_far() const {
    return scanner_ && scanner_->is_running() ? scanner_->so_far() : summary_;
  }
  /// Objects in the baseline; 0 if nobody knows.
  std::uint64_t baseline_size() const;
  /// A running scan is given up, which is no failure: its on_done comes within a second.
  void stop();
  /// The same at our own end: the next process may go on with it.
  void cut_off();

 private:
  /// Not even its beginning and end are told (SetFullSilent).
  bool is_wordless() const { return way_.is_silent && settings_.is_full_silent; }
  void tell_no_baseline(const Error& error);
  Result<void> renew(const Settings& before);
  void make_scanner();
  void tell_unknown_pressure();
  void plan(Due due);
  void tell_plan();
  void add_watch(const policy::Watch& watch, bool is_due);
  void init(std::function<void(bool)> on_done);
  void check(std::function<void(bool)> on_done);
  Result<void> add_absent();
  scan::Resume* begin_resumed();
  Digest identity() const;
  void commit(const scan::Summary& summary, const std::function<void(bool)>& on_done);
  std::string new_path() const;
  Result<void> print_new(int fd) const;
  void update(const std::function<void(bool)>& on_done);
  bool commit_update(const Result<BaselineUpdate::Outcome>& outcome);
  void begin_findings(bool goes_on);
  void note_finding(const Report& report);
  void keep_findings();
  void tell_completed(const scan::Summary& summary);
  void tell_failure(const Error& error, const std::string& object);

  sys::Loop& loop_;
  const base::Clock& clock_;
  Outlets& outlets_;
  const Settings& settings_;
  std::function<void()> on_ready_;
  policy::PolicyTree tree_;
  bool has_planned_ = false;
  bool is_stopped_ = false;
  Way way_;
  Resumption resumption_;
  std::unique_ptr<baseline::Reader> baseline_;
  Digest received_digest_{};  ///< zeros: it lies on this host
  std::unique_ptr<baseline::Writer> writer_;
  std::optional<baseline::Written> written_;
  scan::Summary summary_;
  std::unique_ptr<scan::MeasurerPool> pool_;
  std::unique_ptr<scan::Scanner> scanner_;
  std::unique_ptr<BaselineUpdate> update_;
  bool has_new_baseline_ = false;
  Findings findings_;
  bool has_new_findings_ = false;  ///< other than in their file
};

}  // namespace samhain::agent
