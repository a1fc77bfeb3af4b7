#pragma once

#include <chrono>
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
#include "agent/settings.h"
#include "base/clock.h"
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/daemon.h"
#include "sys/loop.h"
#include "uplink/transfer.h"

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

  void check(bool is_silent = false);
  void on_checked(bool is_good);
  void tell_daemon();
  void plan_next_check();
  void mark();
  void reload();
  bool accept(const Loading& loading);

  // run_orders.cc: signals, and commands of the server's administrator.
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
  Commands commands_;

  bool has_begun_ = false;
  bool is_ending_ = false;
  bool is_quit_wanted_ = false;
  bool is_reload_wanted_ = false;
  bool is_check_wanted_ = false;  ///< one more, when the one that is running is over
  bool is_suspended_ = false;
  bool is_reloading_ = false;      ///< files for it are on their way
  std::optional<Loaded> waiting_;  ///< for its baseline
  int exit_status_ = 1;
  std::chrono::steady_clock::time_point check_began_;
  sys::Loop::Timer start_timer_ = 0;
  sys::Loop::Timer check_timer_ = 0;
  sys::Loop::Timer mark_timer_ = 0;
  sys::Loop::Timer patience_timer_ = 0;
  std::function<void()> on_delivered_;
};

}  // namespace samhain::agent
