#include "agent/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "agent/capabilities.h"
#include "report/catalog.h"
#include "sys/io_priority.h"
#include "sys/memory.h"
#include "sys/sandbox.h"

namespace samhain::agent {

namespace {

using namespace std::chrono_literals;

/// For all roles to lock themselves in; a slow machine needs a second.
constexpr std::chrono::seconds kStartLimit{60};
/// Between two checks, however long each takes and whatever the interval.
constexpr std::chrono::milliseconds kShortestRest{1'000};
/// So often it is looked whether a check is due.
constexpr std::chrono::milliseconds kLongestRest{30'000};

Timing::Plan plan_of(const Settings& settings) {
  return {.interval = settings.check_interval,
          .first = settings.schedule_one,
          .second = settings.schedule_two};
}

std::string own_uid() { return std::to_string(geteuid()); }

}  // namespace

Run::Run(sys::Loop& loop, const base::Clock& clock, Credentials& credentials, Options options,
         const Paths& paths, Loaded loaded, std::optional<sys::Detached> detached)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      paths_(paths),
      settings_(std::move(loaded.settings)),
      problems_(std::move(loaded.problems)),
      detached_(std::move(detached)),
      received_(std::move(loaded.received)),
      received_digest_(loaded.received_digest),
      outlets_(loop, clock, credentials, settings_.print.severities,
               is_looping() ? 0ms : Outlets::kPatienceOfWatched),
      checks_(loop, clock, outlets_, settings_),
      progress_(loop, clock, outlets_.status_line(),
                {.so_far = [this] { return checks_.so_far(); },
                 .expected = [this] { return checks_.baseline_size(); },
                 .is_asking = [this] { return checks_.is_asking(); },
                 .tell = [this](Report&& report) { outlets_.submit(report); }}),
      timing_(clock),
      commands_(clock, command_actions(), confirmations(),
                [this](const Report& report) { outlets_.submit(report); }) {
  outlets_.on_commands(
      [this](const std::vector<wire::Command>& commands) { commands_.take(commands); });
}

int Run::run() {
  if (auto started = start(); !started) {
    // On a daemon's stderr until it is ready: what `start` shows.
    fmt::print(stderr, "samhain: {}\n", started.error().text());
    outlets_.submit(
        report::make(report::kPanicInitializing, clock_.now_ns(), {{"program", "Samhain"}}));
    outlets_.submit(report::make(report::kExit, clock_.now_ns(),
                                 {{"program", "Samhain"}, {"status", "exit_failure"}}));
    outlets_.flush();
    if (pid_file_) pid_file_->remove();
    return 1;
  }
  loop_.run();
  if (pid_file_) pid_file_->remove();
  return exit_status_;
}

Result<void> Run::start() {
  if (settings_.is_daemon) {
    if (auto taken = take_pid_file(); !taken) return taken.error().within("pid file", "");
  }
  // A daemon that could not keep its reports would be worse than none; a check in front of somebody
  // goes on with what there is.
  if (auto opened = outlets_.open(settings_); !opened && settings_.is_daemon) return opened;
  commands_.open(settings_.spool_path);
  if (auto held = hold_signals(); !held) return held;
  if (auto found = find_baseline(); !found) return found;
  tell_start();
  tell_problems(problems_);
  problems_.clear();
  open_status();
  be_nice();
  prepare_last_words();
  if (auto taken = take_signals(); !taken) return taken;
  if (auto started = checks_.start([this] { begin_when_ready(); }); !started) return started;
  if (auto started = start_link(); !started) return started;
  start_timer_ = loop_.after(kStartLimit, [this] {
    fmt::print(stderr, "samhain: not all of its processes could be started\n");
    end("exit_failure", 1, 0ms);
  });
  return {};
}

/// Who may write the directory could make `stop` and `reload` signal a process of his choice.
Result<void> Run::take_pid_file() {
  const std::string& path = settings_.pid_path;
  const std::int64_t now = clock_.now_ns();
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  const auto distrust = sys::find_distrust(directory, settings_.trusted);
  for (const sys::Distrust& reason : distrust) {
    outlets_.submit(report::make_filled(
        report::kDistrusted, {reason.message}, now,
        {{"subroutine", "trustfile"}, {"path", path}, {"obj", reason.component}}));
  }
  auto pid_file = distrust.empty()
                      ? sys::PidFile::create(path)
                      : Result<sys::PidFile>{Error{Error::Kind::Refused, "untrusted path " + path}};
  if (pid_file) {
    pid_file_.emplace(*std::move(pid_file));
    return {};
  }
  outlets_.submit(
      report::make(report::kPidFileFailed, now, {{"userid", own_uid()}, {"path", path}}));
  return pid_file.error();
}

/// What the action needs of one.
Result<void> Run::find_baseline() {
  if (auto judged = judge_made(); !judged) return judged;
  if (settings_.action == Action::Update) return checks_.open_baseline();
  if (settings_.action == Action::Init) {
    if (!settings_.baseline_path.empty()) return {};
    outlets_.submit(report::make_filled(report::kPanic, {"No local path for database specified"},
                                        clock_.now_ns(),
                                        {{"program", "Samhain"}, {"subroutine", "init"}}));
    return Error{
        Error::Kind::Missing,
        "init writes its baseline on this host: give SetDatabasePath=REQ_FROM_SERVER/PATH"};
  }
  if (settings_.is_baseline_remote) return fetch_first_baseline();
  return checks_.open_baseline();
}

/// An update that cannot be, and orders for one where there is none.
Result<void> Run::judge_made() {
  const UpdateScope& scope = settings_.update;
  if (settings_.action != Action::Update) {
    if (!scope.is_interactive && scope.list_file.empty()) return {};
    return Error{Error::Kind::Refused, "--interactive and --listfile are for -t update"};
  }
  if (scope.is_approval() && !scope.list_file.empty()) {
    return Error{Error::Kind::Refused,
                 "--listfile is for -t update; name the paths, or give the list alone"};
  }
  const std::int64_t now = clock_.now_ns();
  if (settings_.prints_baseline) {
    constexpr std::string_view kWhat = "Writing database to stdout with update";
    outlets_.submit(report::make_filled(report::kPanic, {kWhat}, now,
                                        {{"program", "Samhain"}, {"subroutine", "update"}}));
    return Error{Error::Kind::Refused, "--init2stdout is for init"};
  }
  if (settings_.baseline_path.empty()) {
    outlets_.submit(report::make(report::kInvalidInput, now,
                                 {{"option", "checksum testing"}, {"obj", "update"}}));
    return Error{Error::Kind::Refused,
                 "update needs a baseline on this host: the server's is updated there, or by init"};
  }
  if (settings_.update.is_interactive && isatty(STDIN_FILENO) != 1) {
    outlets_.submit(report::make(report::kNoTerminal, now));
    return Error{Error::Kind::Refused, "--interactive asks on a terminal"};
  }
  return {};
}

void Run::be_nice() {
  const auto tell = [this](std::string_view call, std::string_view reason) {
    outlets_.submit(report::make_filled(report::kCallFailed, {reason}, clock_.now_ns(),
                                        {{"interface", std::string{call}}}));
  };
  if (settings_.nice_level != 0 && setpriority(PRIO_PROCESS, 0, settings_.nice_level) != 0) {
    tell("setpriority", strerror(errno));
  }
  if (!settings_.io_priority) return;
  if (const auto set = sys::set_io_priority(*settings_.io_priority); !set) {
    tell("ioprio_set", set.error().text());
  }
}

void Run::tell_start() {
  const auto shown = [this](const std::string& path) {
    return settings_.hides_setup ? std::string{"(hidden)"} : path;
  };
  std::vector<Field> fields = {{"program", "Samhain"},
                               {"userid", own_uid()},
                               {"path", shown(settings_.config_path)},
                               {"hash", settings_.config_digest}};
  if (settings_.action == Action::Check || settings_.action == Action::Update) {
    fields.push_back(
        {"path", shown(settings_.is_baseline_remote && settings_.action == Action::Check
                           ? std::string{kFromServer}
                           : settings_.baseline_path)});
    fields.push_back({"hash", checks_.baseline_digest()});
  }
  outlets_.submit(report::make(report::kStart, clock_.now_ns(), std::move(fields)));
  if (!sys::can_lock_memory()) {
    outlets_.submit(report::make(report::kInsecureMemory, clock_.now_ns()));
  }
}

void Run::tell_problems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) {
    outlets_.submit(report_of(problem, settings_.config_path, clock_.now_ns()));
  }
}

/// Takes the status file, and says if our predecessor was cut off in the middle of a scan.
void Run::open_status() {
  if (auto opened = progress_.open(settings_.status_path); !opened) {
    // A single check goes on without it, as one does beside a daemon.
    if (!is_looping() || opened.error().kind == Error::Kind::Busy) return;
    outlets_.submit(report::make_filled(report::kCallFailed, {opened.error().text()},
                                        clock_.now_ns(), {{"interface", "status file"}}));
    return;
  }
  const auto scan = progress_.cut_off();
  if (!scan) return;
  std::vector<Field> fields = {{"time", base::local_time(scan->began_ns)},
                               {"files", std::to_string(scan->files)}};
  if (!settings_.resumes_scan) fields.push_back({"remedy", "with ResumeScan=yes it would go on"});
  outlets_.submit(report::make(report::kCheckCutOff, clock_.now_ns(), std::move(fields)));
}

/// A daemon waits for all of its processes; a single check begins with those that measure.
void Run::begin_when_ready() {
  if (has_begun_ || is_ending_ || !checks_.is_ready()) return;
  if (settings_.is_daemon && !outlets_.is_ready()) return;
  has_begun_ = true;
  begin();
}

void Run::begin() {
  loop_.cancel(start_timer_);
  using Capabilities = std::span<const unsigned>;
  const auto restrained =
      sys::restrain_parent(geteuid() == 0 ? Capabilities{kScannerCapabilities} : Capabilities{});
  if (!restrained) {
    fmt::print(stderr, "samhain: {}\n", restrained.error().text());
    return end("exit_failure", 1, 0ms);
  }
  outlets_.note_barriers("scanner", restrained->text());
  if (detached_) {
    detached_->ready();
    outlets_.leave_terminal(settings_);
  }
  if (!is_looping()) return check();
  mark_timer_ = loop_.after(settings_.mark_interval, [this] { mark(); });
  timing_.follow(plan_of(settings_));
  check_if_due();
}

void Run::check_if_due() {
  const Due due = timing_.due();
  return due.is_any() ? check(false, due) : plan_next_check();
}

void Run::check(bool is_silent, Due due) {
  if (is_ending_ || is_suspended_ || is_fetching_ || !has_begun_ || checks_.is_running()) return;
  loop_.cancel(check_timer_);
  if (!is_silent) timing_.note_run(due);
  progress_.begin(settings_.action, is_silent);
  const Checks::Way way{.is_silent = is_silent,
                        .is_resumed = settings_.resumes_scan && progress_.has_file(),
                        .due = due};
  checks_.run(way, [this](bool is_good) { on_checked(is_good); });
}

void Run::on_checked(bool is_good) {
  if (is_ending_) return;  // the scan was cut off, and the status file says so
  const Outcome unfinished = is_suspended_ ? Outcome::Stopped : Outcome::Failed;
  progress_.end(is_good ? Outcome::Completed : unfinished, checks_.summary());
  if (is_suspended_) return fall_silent();
  // What an update did not accept may be nothing, or only a part of what was named.
  const bool is_made = settings_.action == Action::Update ? checks_.has_new_baseline() : is_good;
  owes_upload_ = is_made && settings_.uploads();
  if (is_quit_wanted_) return end("Quit", 0, kPatienceOfStop);
  if (!is_looping()) {
    if (checks_.has_new_baseline() && settings_.update.is_approval()) tell_daemon();
    exit_status_ = is_good ? 0 : 1;
    if (owes_upload_) return upload_baseline();
    return end_once_delivered(kPatienceOfCheck);
  }
  plan_next_check();
  if (std::exchange(is_check_wanted_, false)) loop_.soon([this] { check(); });
}

/// Who approves a change does not want to hear of it again at the next check.
void Run::tell_daemon() {
  outlets_.flush();
  const auto daemon = sys::find_running(settings_.pid_path);
  if (daemon && kill(*daemon, SIGHUP) == 0) {
    fmt::print(stderr, "samhain: the daemon, process {}, was told to reload\n", *daemon);
    return;
  }
  fmt::print(stderr,
             "samhain: no daemon holds {}; one that uses this baseline takes it with SIGHUP\n",
             settings_.pid_path);
}

bool Run::is_idle() const {
  return has_begun_ && !is_ending_ && !is_suspended_ && !is_fetching_ && !checks_.is_running();
}

/// Nothing is going on any more: what waited has its turn, then the next check.
void Run::plan_next_check() {
  // From the loop: the scanner that calls us is replaced by a reload.
  if (is_reload_wanted_) loop_.soon([this] { reload(); });
  if (!deltas_.empty()) loop_.soon([this] { fetch_delta(); });
  const auto delay = std::max(timing_.delay(), kShortestRest);
  loop_.cancel(check_timer_);
  // The clock on the wall may be set, and goes on while the host sleeps, which timers do not.
  check_timer_ = loop_.after(std::min(delay, kLongestRest), [this] { check_if_due(); });
  progress_.plan(clock_.now_ns() + std::chrono::nanoseconds(delay).count());
}

void Run::mark() {
  outlets_.submit(report::make(report::kTimestamp, clock_.now_ns()));
  mark_timer_ = loop_.after(settings_.mark_interval, [this] { mark(); });
}

void Run::reload() {
  if (!is_idle() || !is_reload_wanted_) return;
  is_reload_wanted_ = false;
  if (settings_.is_config_remote) return fetch_configuration_again();
  consider(load_settings(options_, paths_, settings_.host_name));
}

void Run::apply(Loaded loaded, uplink::Fetched baseline) {
  Settings fresh = std::move(loaded.settings);
  // What a run is was decided when it began.
  fresh.action = settings_.action;
  fresh.is_daemon = settings_.is_daemon;
  fresh.is_forever = settings_.is_forever;
  fresh.pid_path = settings_.pid_path;
  const Settings before = std::exchange(settings_, std::move(fresh));
  received_ = std::move(loaded.received);
  received_digest_ = loaded.received_digest;

  (void)outlets_.open(settings_);  // what cannot be opened is told on the rest
  commands_.open(settings_.spool_path);
  prepare_last_words();
  outlets_.submit(report::make(report::kReloaded, clock_.now_ns()));
  if (settings_.status_path != before.status_path) open_status();
  tell_problems(loaded.problems);
  auto changed = checks_.settings_changed(before);
  if (baseline.kind == uplink::Fetched::Kind::Received) {
    // The old one stays in use if the new one is refused.
    (void)checks_.take_baseline(baseline.store.take(), baseline.sha256);
  }
  if (changed) changed = start_link();
  if (!changed) {
    fmt::print(stderr, "samhain: {}\n", changed.error().text());
    return end("exit_failure", 1, kPatienceOfStop);
  }
  loop_.cancel(mark_timer_);
  mark_timer_ = loop_.after(settings_.mark_interval, [this] { mark(); });
  timing_.follow(plan_of(settings_));
  plan_next_check();
}

/// May it take the place of the one in use?  Why not is told.
bool Run::accept(const Loading& loading) {
  const std::int64_t now = clock_.now_ns();
  std::string reason;
  if (!loading.loaded) {
    for (const sys::Distrust& distrust : loading.unusable.distrust) {
      outlets_.submit(report::make_filled(report::kDistrusted, {distrust.message}, now,
                                          {{"subroutine", "trustfile"},
                                           {"path", settings_.config_path},
                                           {"obj", distrust.component}}));
    }
    reason = loading.unusable.error.text();
  } else {
    const auto& problems = loading.loaded->problems;
    const bool is_broken = std::ranges::any_of(problems, config::is_mistake);
    if (!is_broken) return true;
    tell_problems(problems);
    reason = "it has wrong lines";
  }
  outlets_.submit(report::make(report::kOldConfigurationStays, now,
                               {{"path", settings_.config_path}, {"reason", reason}}));
  return false;
}

void Run::end(std::string_view status, int exit_status, std::chrono::milliseconds patience) {
  if (is_ending_) return;
  is_ending_ = true;
  // A daemon that was told to end before it was up has not started: so its `start` must say.
  exit_status_ = detached_ && !has_begun_ ? 1 : exit_status;
  for (const sys::Loop::Timer timer :
       {start_timer_, check_timer_, mark_timer_, upload_timer_, delta_timer_}) {
    loop_.cancel(timer);
  }
  progress_.last_word();
  checks_.cut_off();
  if (owes_upload_) {
    uplink::Delivered failed;
    failed.reason = "it was told to end before the server had the baseline";
    tell_upload(failed, {});
  }
  // A suspended one tells the server, too, if the spool is not in use: else that waits for nobody.
  if (std::exchange(is_suspended_, false) && outlets_.take_back(settings_)) (void)start_link();
  outlets_.submit(report::make(report::kExit, clock_.now_ns(),
                               {{"program", "Samhain"}, {"status", std::string{status}}}));
  deliver(patience, [this] {
    outlets_.stop_link();
    loop_.stop();
  });
}

/// The findings first, so that EXIT is the last line; then EXIT itself.
void Run::end_once_delivered(std::chrono::milliseconds patience) {
  const auto deadline = clock_.steady() + patience;
  deliver(patience, [this, deadline] {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.steady());
    end(exit_status_ == 0 ? "exit_success" : "exit_failure", exit_status_, std::max(left, 0ms));
  });
}

/// Calls `then` from the loop once all is acknowledged, a try has failed, or `patience` is at its
/// end.
void Run::deliver(std::chrono::milliseconds patience, std::function<void()> then) {
  on_delivered_ = std::move(then);
  outlets_.flush();
  loop_.cancel(patience_timer_);
  patience_timer_ = loop_.after(patience, [this] {
    if (const auto done = std::exchange(on_delivered_, nullptr)) done();
  });
  loop_.soon([this] { on_link_change(); });
}

void Run::on_link_change() {
  begin_when_ready();
  if (!on_delivered_ || (!outlets_.is_delivered() && !outlets_.has_failed())) return;
  loop_.cancel(patience_timer_);
  // From the loop: the link that calls us may be stopped by what follows.
  loop_.soon([done = std::exchange(on_delivered_, nullptr)] { done(); });
}

}  // namespace samhain::agent
