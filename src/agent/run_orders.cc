// What a running samhain is told to do from outside: signals, and commands of the server's
// administrator.

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/run.h"
#include "report/catalog.h"
#include "sink/exit_words.h"

namespace samhain::agent {

namespace {

/// A process that is told to be silent waits so long for the server to hear of it.
constexpr std::chrono::milliseconds kPatienceOfSuspension{2'000};
/// The spool is another process's while we are suspended; when it ends, we go on.
constexpr std::chrono::milliseconds kSpoolRetry{500};

}  // namespace

std::vector<Run::Order> Run::orders() {
  std::vector<Order> all = {
      {SIGTERM, false, false, [this] { end("Terminated", 0, kPatienceOfStop); }},
      {SIGINT, false, false, [this] { end("Interrupt", 0, kPatienceOfStop); }},
      {SIGQUIT, false, false, [this] { quit(); }},
      {SIGHUP, true, false, [this] { want_reload(); }},
      {SIGUSR1, true, false, [this] { outlets_.toggle_console(settings_); }},
      {SIGUSR2, true, false, [this] { toggle_suspension(); }},
      {SIGABRT, true, false, [this] { outlets_.reopen_log(settings_); }},
      {SIGTTIN, true, true, [this] { outlets_.reopen_log(settings_); }},
      {SIGTTOU, true, true, [this] { check_now(false); }},
      {SIGTSTP, true, true, [this] { check_now(true); }},
  };
  std::erase_if(all, [this](const Order& order) {
    return (order.is_for_loops && !is_looping()) || (order.is_for_daemons && !settings_.is_daemon);
  });
  return all;
}

/// A loop's orders wait until take_signals() while the server's files are fetched, which may take
/// long; what ends a process still ends it.
Result<void> Run::hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const Order& order : orders()) {
    if (order.is_for_loops) sigaddset(&held, order.signal);
  }
  if (sigprocmask(SIG_BLOCK, &held, nullptr) != 0) return system_error("sigprocmask", errno);
  return {};
}

Result<void> Run::take_signals() {
  for (const Order& order : orders()) {
    if (auto taken = loop_.on_signal(order.signal, order.callback); !taken) return taken;
  }
  return {};
}

/// EXIT for an end that leaves no time for it: on stderr and in the log file.  The spool is not
/// touched in that state; the server sees a restart without prior exit.
void Run::prepare_last_words() {
  const std::int64_t now = clock_.now_ns();
  const bool has_log = !settings_.log.severities.is_empty();
  auto prepared = sink::prepare_exit_words("Samhain", settings_.log_layout.form,
                                           has_log ? settings_.log_path : std::string{}, now);
  if (prepared) return;
  outlets_.submit(report::make_filled(report::kCallFailed, {prepared.error().text()}, now,
                                      {{"interface", "sigaction"}}));
}

Commands::Actions Run::command_actions() {
  using Refusal = Commands::Refusal;
  // From the loop: we are inside the link, which a reload may replace.
  return {.reload = [this]() -> Refusal {
            if (!is_looping()) return "a single check keeps the configuration it began with";
            loop_.soon([this] { want_reload(); });
            return std::nullopt;
          },
          .scan = [this]() -> Refusal {
            if (!is_looping()) return "a single check is running already";
            loop_.soon([this] { check_now(false); });
            return std::nullopt;
          },
          .stop = [this]() -> Refusal {
            loop_.soon([this] { quit(); });
            return std::nullopt;
          },
          .delta = [this](std::string_view uuid) { return want_delta(uuid); }};
}

Commands::Confirmations Run::confirmations() {
  return {.send = [this](const Report& report) { return outlets_.submit_exported(report); },
          .is_acknowledged = [this](std::uint64_t seq) { return outlets_.is_acknowledged(seq); }};
}

/// After the check that is running.
void Run::quit() {
  is_quit_wanted_ = true;
  if (!checks_.is_running()) end("Quit", 0, kPatienceOfStop);
}

void Run::want_reload() {
  is_reload_wanted_ = true;
  reload();
}

void Run::check_now(bool is_silent) {
  if (!checks_.is_running()) return check(is_silent);
  if (!is_silent) is_check_wanted_ = true;
}

void Run::toggle_suspension() {
  if (is_ending_ || !has_begun_) return;
  is_suspended_ = !is_suspended_;
  progress_.plan(0);
  progress_.suspend(is_suspended_);
  if (!is_suspended_) return resume();
  loop_.cancel(check_timer_);
  loop_.cancel(mark_timer_);
  if (checks_.is_running()) return checks_.stop();  // on_checked() goes on
  fall_silent();
}

/// The server is told, so that a second process of this host is no restart without an exit; then
/// the spool is free for that one's reports.
void Run::fall_silent() {
  outlets_.submit_exported(
      report::make(report::kSuspend, clock_.now_ns(), {{"program", "Samhain"}}));
  deliver(kPatienceOfSuspension, [this] {
    if (is_suspended_ && !is_ending_) outlets_.release_link();
  });
}

void Run::resume() {
  if (is_ending_ || is_suspended_) return;
  if (!outlets_.take_back(settings_)) {
    check_timer_ = loop_.after(kSpoolRetry, [this] { resume(); });
    return;
  }
  commands_.open(settings_.spool_path);
  if (auto started = start_link(); !started) {
    fmt::print(stderr, "samhain: {}\n", started.error().text());
    return end("exit_failure", 1, kPatienceOfStop);
  }
  mark_timer_ = loop_.after(settings_.mark_interval, [this] { mark(); });
  if (is_reload_wanted_) return reload();
  check_now(false);
}

Result<void> Run::start_link() {
  return outlets_.start_link(settings_, [this] { on_link_change(); });
}

}  // namespace samhain::agent
