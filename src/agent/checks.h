#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/findings.h"
#include "agent/outlets.h"
#include "agent/settings.h"
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

  /// One scan, init, check or update as the settings say; `on_done`: it is over, and well or not.
  /// What a silent one finds counts as reported, but is not.
  void run(bool is_silent, std::function<void(bool is_good)> on_done);
  bool is_running() const { return update_ || (scanner_ && scanner_->is_running()); }
  bool has_new_baseline() const { return has_new_baseline_; }  ///< by an update
  /// A running scan is given up, which is no failure: its on_done comes within a second.
  void stop();

 private:
  void tell_no_baseline(const Error& error);
  Result<void> renew(const Settings& before);
  void make_scanner();
  void plan();
  void add_watch(const policy::Watch& watch);
  void init(std::function<void(bool)> on_done);
  void check(std::function<void(bool)> on_done);
  void commit(const scan::Summary& summary, const std::function<void(bool)>& on_done);
  std::string new_path() const;
  Result<void> print_new();
  void update(const std::function<void(bool)>& on_done);
  bool commit_update(const Result<BaselineUpdate::Outcome>& outcome);
  void begin_findings();
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
  bool is_silent_ = false;
  std::unique_ptr<baseline::Reader> baseline_;
  Digest received_digest_{};  ///< zeros: it lies on this host
  std::unique_ptr<baseline::Writer> writer_;
  std::unique_ptr<scan::MeasurerPool> pool_;
  std::unique_ptr<scan::Scanner> scanner_;
  std::unique_ptr<BaselineUpdate> update_;
  bool has_new_baseline_ = false;
  Findings findings_;
  bool has_new_findings_ = false;  ///< other than in their file
};

}  // namespace samhain::agent
