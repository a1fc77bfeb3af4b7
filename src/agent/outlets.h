#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "agent/credentials.h"
#include "agent/settings.h"
#include "base/clock.h"
#include "samhain/handle.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "sink/dispatcher.h"
#include "sink/log_file.h"
#include "sink/status_line.h"
#include "spool/spool.h"
#include "sys/loop.h"
#include "uplink/link.h"
#include "uplink/password.h"
#include "uplink/transfer.h"
#include "uplink/upload.h"

namespace samhain::agent {

/// Where the agent's reports go: console, log file, and by spool and link to the server; opened
/// from the settings, and again when they change.
class Outlets {
 public:
  /// How long a run that somebody watches waits for each line on its console; others never do.
  static constexpr std::chrono::milliseconds kPatienceOfWatched{5'000};

  /// Borrows `loop`, `clock` and `credentials`.  Until open() there is only stderr, with
  /// `first_threshold`. `patience`: how long each line on stderr may wait for its reader.
  Outlets(sys::Loop& loop, const base::Clock& clock, Credentials& credentials,
          SeveritySet first_threshold, std::chrono::milliseconds patience);
  ~Outlets();
  Outlets(const Outlets&) = delete;
  Outlets& operator=(const Outlets&) = delete;

  /// Opens what the settings name.  What cannot be opened is told on the others, and the run goes
  /// on without it. Errors: the first of those, for a caller that does not want to go on.
  Result<void> open(const Settings& settings);
  /// Begins to carry reports to the server, and files from it, if there is one.  `on_change`:
  /// something about is_ready(), is_delivered() or has_failed() may have changed.
  Result<void> start_link(const Settings& settings, std::function<void()> on_change);
  /// Commands of the server's administrator, each time that they come.
  void on_commands(uplink::Session::OnCommands callback) { on_commands_ = std::move(callback); }
  /// From now on the console is the device that the settings name, not stderr.
  void leave_terminal(const Settings& settings);

  void submit(const Report& report);
  /// The same, and to the server whatever ExportSeverity says, durable when this returns; its
  /// number in the spool, 0 without one.
  std::uint64_t submit_exported(const Report& report);
  /// Is everything up to this number of the spool acknowledged?
  bool is_acknowledged(std::uint64_t seq) const { return !spool_ || spool_->first() > seq; }
  void flush();
  /// The last line of the terminal, while the console is one.
  sink::StatusLine& status_line() { return status_line_; }
  /// Everything on the console, or again what its threshold takes.
  void toggle_console(const Settings& settings);
  /// For who moves log files away: closes the log file and opens it by its name.
  void reopen_log(const Settings& settings);

  bool is_ready() const { return !link_ || link_->is_ready(); }
  /// All is acknowledged, or nobody is there to deliver to.
  bool is_delivered() const { return !link_ || link_->session().is_settled(); }
  bool has_failed() const { return link_ && link_->session().has_failed(); }
  void stop_link();
  /// Leaves link and spool to whoever works beside us while we are suspended.
  void release_link();
  /// Has the spool again.  False: another process still uses it.  start_link() comes next.
  bool take_back(const Settings& settings);

  /// Fetches a file, one at a time; `on_done` is called from the loop, whatever becomes of the
  /// link.
  void fetch(uplink::Wanted wanted, uplink::Transfer::OnDone on_done);

  /// Sends a baseline, one at a time; as fetch().
  void send(uplink::Offer offer, uplink::Upload::OnDone on_done);
  /// This host's name as the server has it; before it was told: as we call it ourselves.
  std::string known_as(const Settings& settings) const;

  /// Says once what barriers a role lacks.
  void note_barriers(std::string_view role, std::string_view missing);
  void note_down(std::string_view role, const Error& error);

 private:
  Result<void> open_log(const Settings& settings);
  void close_log();
  Result<void> open_spool(const Settings& settings);
  void tell_no_spool(const Settings& settings, const Error& error);
  /// Null, and told why, if there is none.
  const uplink::Password* find_password(const Settings& settings);
  sink::Filter console_filter(const Settings& settings) const;
  void add_console(const Settings& settings);
  void add_terminal(const Settings& settings);
  void add_device(const Settings& settings);
  bool has_same_link(const Settings& settings) const;
  void close_link();
  void fetched(uplink::Fetched&& fetched);
  void sent(uplink::Delivered&& delivered);

  sys::Loop& loop_;
  const base::Clock& clock_;
  Credentials& credentials_;
  const std::chrono::milliseconds patience_;
  sink::StatusLine status_line_;
  sink::Dispatcher dispatcher_;
  sink::LogFile* log_ = nullptr;  ///< the dispatcher's, while it has one
  UniqueFd console_;
  bool has_left_terminal_ = false;
  bool is_verbose_ = false;
  sys::Loop::Timer flush_timer_ = 0;

  std::optional<Settings> linked_;  ///< what spool and link were opened for
  sink::Filter exported_;           ///< of the uplink
  std::unique_ptr<spool::Spool> spool_;
  uplink::Session::OnCommands on_commands_;
  std::unique_ptr<uplink::Link> link_;
  uplink::Transfer::OnDone on_fetched_;  ///< null: nothing is being fetched
  uplink::Upload::OnDone on_sent_;       ///< null: nothing is being sent
  std::set<std::string> noted_barriers_;
};

}  // namespace samhain::agent
