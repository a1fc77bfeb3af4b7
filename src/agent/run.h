#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/checks.h"
#include "agent/commands.h"
#include "agent/credentials.h"
#include "agent/options.h"
#include "agent/outlets.h"
#include "agent/progress.h"
#include "agent/settings.h"
#include "agent/timing.h"
#include "base/clock.h"
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/daemon.h"
#include "sys/loop.h"
#include "uplink/transfer.h"
#include "uplink/upload.h"

namespace samhain::agent {

/// One life of the scanner, from START to EXIT.
class Run {
 public:
  /// Borrows `loop`, `clock`, `credentials` and `paths`.  `detached`: this is a daemon's process.
  Run(sys::Loop& loop, const base::Clock& clock, Credentials& credentials, Options options,
      const Paths& paths, Loaded loaded, std::optional<sys::Detached> detached);

  int run();  ///< the exit status

 private:
  /// One that is told to end waits so long for the server to acknowledge its last reports.
  static constexpr std::chrono::milliseconds kPatienceOfStop{900};
  /// A check that ends waits so long for the server to acknowledge its reports; what is left stays
  /// in the spool.
  static constexpr std::chrono::milliseconds kPatienceOfCheck{30'000};

  bool is_looping() const { return settings_.is_daemon || settings_.is_forever; }

  Result<void> start();
  Result<void> take_pid_file();
  Result<void> find_baseline();
  Result<void> judge_made();
  Result<void> fetch_first_baseline();
  void be_nice();
  void tell_start();
  void tell_problems(const std::vector<config::Problem>& problems);
  void begin_when_ready();
  void begin();

  void open_status();
  void check(bool is_silent = false, Due due = {});
  void check_if_due();
  void on_checked(bool is_good);
  void tell_daemon();
  void plan_next_check();
  bool is_idle() const;
  void mark();
  void reload();
  bool accept(const Loading& loading);

  // run_orders.cc: signals, and commands of the server's administrator.
  struct Order {
    int signal;
    bool is_for_loops;    ///< a single check has its end to look forward to
    bool is_for_daemons;  ///< a terminal's signals belong to the terminal
    sys::Loop::Callback callback;
  };
  std::vector<Order> orders();
  Result<void> hold_signals();
  Result<void> take_signals();
  void prepare_last_words();
  Commands::Actions command_actions();
  Commands::Confirmations confirmations();
  void quit();
  void want_reload();
  void check_now(bool is_silent);
  void toggle_suspension();
  void fall_silent();
  void resume();
  // run_reload.cc
  void fetch_configuration_again();
  void take_configuration(uplink::Fetched&& fetched);
  void consider(Loading loading);
  void fetch_baseline_again(Loaded loaded);
  void apply(Loaded loaded, uplink::Fetched baseline);
  Result<uplink::Wanted> wanted_baseline() const;
  void tell_fetched(const uplink::Fetched& fetched, Severity severity_of_failure);
  Result<void> start_link();
  // run_delta.cc
  struct Delta {
    std::string uuid;
    unsigned retries;  ///< that are left
  };
  Commands::Refusal want_delta(std::string_view uuid);
  void fetch_delta();
  void take_delta(uplink::Fetched&& fetched);
  void retry_delta(Delta delta);
  // run_upload.cc
  void upload_baseline();
  void conclude_upload(const uplink::Delivered& delivered, const Digest& digest);
  void tell_upload(const uplink::Delivered& delivered, const Digest& digest);

  void end(std::string_view status, int exit_status, std::chrono::milliseconds patience);
  void end_once_delivered(std::chrono::milliseconds patience);
  void deliver(std::chrono::milliseconds patience, std::function<void()> then);
  void on_link_change();

  sys::Loop& loop_;
  const base::Clock& clock_;
  const Options options_;
  const Paths& paths_;
  Settings settings_;
  std::vector<config::Problem> problems_;
  std::optional<sys::Detached> detached_;
  std::optional<sys::PidFile> pid_file_;
  UniqueFd received_;  ///< the configuration in use, where it is the server's
  Digest received_digest_{};
  Outlets outlets_;
  Checks checks_;
  Progress progress_;
  Timing timing_;
  Commands commands_;

  bool has_begun_ = false;
  bool is_ending_ = false;
  bool is_quit_wanted_ = false;
  bool is_reload_wanted_ = false;
  bool is_check_wanted_ = false;  ///< one more, when the one that is running is over
  bool is_suspended_ = false;
  bool owes_upload_ = false;       ///< of what init wrote, or to say why not
  bool is_fetching_ = false;       ///< files are on their way: no check meanwhile
  std::optional<Loaded> waiting_;  ///< for its baseline
  int exit_status_ = 1;
  sys::Loop::Timer start_timer_ = 0;
  sys::Loop::Timer check_timer_ = 0;
  sys::Loop::Timer mark_timer_ = 0;
  sys::Loop::Timer patience_timer_ = 0;
  sys::Loop::Timer upload_timer_ = 0;
  std::deque<Delta> deltas_;          ///< wanted, the first one first
  sys::Loop::Timer delta_timer_ = 0;  ///< until the first is tried again
  std::function<void()> on_delivered_;
};

}  // namespace samhain::agent
