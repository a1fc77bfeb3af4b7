#include "agent/checks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <span>
#include <utility>

#include "base/codec.h"
#include "crypto/digest.h"
#include "report/catalog.h"
#include "scan/paths.h"
#include "sys/file.h"

namespace samhain::agent {

namespace {

std::string own_uid() { return std::to_string(geteuid()); }

/// A line for each directory is only made if somebody takes it.
bool tells_steps(const Settings& settings) {
  const auto takes = [](const sink::Filter& filter) {
    return filter.severities.has(report::kChecking.severity) &&
           filter.classes.has(report::kChecking.event_class);
  };
  const bool has_console = !settings.is_daemon || !settings.console_path.empty();
  return (has_console && takes(settings.print)) || takes(settings.log) ||
         (settings.exports() && takes(settings.exported));
}

}  // namespace

Checks::Checks(sys::Loop& loop, const base::Clock& clock, Outlets& outlets,
               const Settings& settings)
    : loop_(loop),
      clock_(clock),
      outlets_(outlets),
      settings_(settings),
      resumption_(loop, clock,
                  {.flush =
                       [this] {
                         outlets_.flush();
                         keep_findings();
                       },
                   .on_failure =
                       [this](const Error& error) {
                         outlets_.submit(report::make_filled(report::kCallFailed, {error.text()},
                                                             clock_.now_ns(),
                                                             {{"interface", "ResumeScan"}}));
                       }}) {}

Checks::~Checks() = default;

Result<void> Checks::open_baseline() {
  const std::string& path = settings_.baseline_path;
  const std::int64_t now = clock_.now_ns();
  if (access(path.c_str(), F_OK) == 0) {
    const auto distrust = sys::find_distrust(path, settings_.trusted);
    for (const sys::Distrust& reason : distrust) {
      outlets_.submit(report::make_filled(
          report::kDistrusted, {reason.message}, now,
          {{"subroutine", "trustfile"}, {"path", path}, {"obj", reason.component}}));
    }
    if (!distrust.empty()) {
      outlets_.submit(
          report::make(report::kPanicUntrustedPath, now, {{"userid", own_uid()}, {"path", path}}));
      return Error{Error::Kind::Refused, "baseline " + path + ": untrusted path"};
    }
  }
  const auto key = baseline::load_key(path);
  auto reader = key ? baseline::Reader::open(path, *key, settings_.trusted)
                    : Result<std::unique_ptr<baseline::Reader>>{key.error()};
  if (reader) {
    baseline_ = *std::move(reader);
    received_digest_ = {};
    if (baseline_->about().digests.first == DigestKind::Tiger192) {
      outlets_.submit(
          report::make(report::kDigestsNotCompared, now,
                       {{"path", path}, {"remedy", "accept what is there: samhain -t update"}}));
    }
    return {};
  }
  tell_no_baseline(reader.error());
  return reader.error();
}

Result<void> Checks::take_baseline(UniqueFd fd, const Digest& digest) {
  auto reader = baseline::Reader::open_vouched(std::move(fd));
  if (!reader) {
    outlets_.submit(
        report::make(report::kBaselineRefused, clock_.now_ns(),
                     {{"path", std::string{kFromServer}}, {"reason", reader.error().text()}}));
    return reader.error().within("baseline", kFromServer);
  }
  baseline_ = *std::move(reader);
  received_digest_ = digest;
  return {};
}

bool Checks::apply_delta(UniqueFd fd, const std::string& uuid) {
  auto delta = baseline::Reader::open_vouched(std::move(fd));
  const auto applied = delta ? baseline_->apply(*std::move(delta)) : Result<void>{delta.error()};
  if (applied) return true;
  outlets_.submit(report::make(report::kBaselineRefused, clock_.now_ns(),
                               {{"path", uuid}, {"reason", applied.error().text()}}));
  return false;
}

void Checks::tell_no_baseline(const Error& error) {
  const std::int64_t now = clock_.now_ns();
  const std::string& path = settings_.baseline_path;
  if (error.kind != Error::Kind::Missing && error.sys_errno == 0) {
    return outlets_.submit(
        report::make(report::kBaselineRefused, now, {{"path", path}, {"reason", error.text()}}));
  }
  std::vector<Field> fields = {{"userid", own_uid()}, {"path", path}, {"reason", error.text()}};
  if (error.kind == Error::Kind::Missing) {
    fields.push_back({"remedy",
                      "make one: samhain -t init; or take over that of samhain 3 or 4: "
                      "samhain --import-database=FILE"});
  }
  outlets_.submit(report::make(report::kFileNotAccessible, now, std::move(fields)));
}

std::uint64_t Checks::baseline_size() const { return baseline_ ? baseline_->size() : 0; }

Result<void> Checks::start(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  scan::MeasurerPool::Settings pool_settings;
  pool_settings.count = settings_.measurers;
  pool_settings.deadline = settings_.measure_timeout;
  pool_settings.drops_cache = settings_.drops_cache;
  pool_settings.limits = settings_.limits;
  tell_unknown_pressure();
  pool_settings.skip = settings_.scan.rules.skip;
  pool_settings.follows_symlinks = tells_steps(settings_);
  pool_settings.on_trouble = [this](const Error& error) { outlets_.note_down("measurer", error); };
  auto pool =
      scan::MeasurerPool::start(loop_, std::move(pool_settings), [this](std::string_view missing) {
        outlets_.note_barriers("measurer", missing);
        on_ready_();
      });
  if (!pool) return pool.error();
  pool_ = *std::move(pool);
  make_scanner();
  return {};
}

/// A limit that cannot hold is worth a word: the kernel may have been built, or started, without.
void Checks::tell_unknown_pressure() {
  constexpr const char* kPath = "/proc/pressure/io";
  if (settings_.limits.pressure_percent == 0) return;
  if (const auto read = sys::read_file(kPath, 4'096); !read) {
    outlets_.submit(report::make(report::kPressureUnknown, clock_.now_ns(),
                                 {{"path", kPath},
                                  {"reason", read.error().text()},
                                  {"remedy", "boot with psi=1, or leave SetPressureLimit out"}}));
  }
}

void Checks::make_scanner() {
  scan::Settings scan_settings = settings_.scan;
  scan_settings.tells_steps = tells_steps(settings_);
  scanner_ = std::make_unique<scan::Scanner>(
      loop_, *pool_, clock_, tree_, std::move(scan_settings), [this](Report&& report) {
        if (settings_.action == Action::Check) note_finding(report);
        if (update_) update_->consider(report);
        if (way_.is_silent && report.event_class == EventClass::Event) return;
        outlets_.submit(report);
      });
}

Result<void> Checks::settings_changed(const Settings& before) {
  has_planned_ = false;
  if (settings_.action == Action::Check && !settings_.is_baseline_remote) {
    // The old one stays open and in use if the new one is refused.
    (void)open_baseline();
  }
  const std::unique_ptr<scan::Scanner> old = std::move(scanner_);
  if (auto done = renew(before); !done) return done;
  if (old) scanner_->take_memory_of(*old);
  return {};
}

/// Measurers and scanner, as far as they depend on the settings.
Result<void> Checks::renew(const Settings& before) {
  if (before.measurers != settings_.measurers ||
      before.measure_timeout != settings_.measure_timeout ||
      before.drops_cache != settings_.drops_cache ||
      before.scan.rules.skip != settings_.scan.rules.skip ||
      tells_steps(before) != tells_steps(settings_)) {
    pool_.reset();
    return start(on_ready_);
  }
  if (before.limits != settings_.limits) {
    pool_->limit(settings_.limits);
    tell_unknown_pressure();
  }
  make_scanner();
  return {};
}

/// What is watched, globs expanded anew: files come and go.
void Checks::plan(Due due) {
  tree_ = policy::PolicyTree{};
  for (const policy::Watch& watch : settings_.watches) {
    add_watch(watch, watch.is_second ? due.is_second : due.is_first);
  }
  if (!std::exchange(has_planned_, true)) tell_plan();
  if (tree_.is_empty()) outlets_.submit(report::make(report::kNothingToCheck, clock_.now_ns()));
}

/// Doubts about the configuration that its lines alone do not show.
void Checks::tell_plan() {
  const std::int64_t now = clock_.now_ns();
  const bool has_second = std::ranges::any_of(settings_.watches, &policy::Watch::is_second);
  if (has_second && settings_.schedule_two.is_empty()) {
    outlets_.submit(
        report::make(report::kNoSecondSchedule, now, {{"option", "FileCheckScheduleTwo"}}));
  }
  for (const policy::FixedParent& found : policy::find_fixed_parents(tree_)) {
    outlets_.submit(
        report::make(report::kFixedParent, now, {{"dir", found.directory}, {"path", found.file}}));
  }
}

void Checks::add_watch(const policy::Watch& watch, bool is_due) {
  const std::int64_t now = clock_.now_ns();
  const auto paths = policy::expand(watch.path);
  if (!paths || paths->empty()) {
    Report report = report::make_interface(report::kGlobFailed, "glob",
                                           paths ? "No matches found" : paths.error().text(), now,
                                           {{"path", watch.path}});
    if (has_planned_) report.severity = Severity::Notice;
    outlets_.submit(report);
    return;
  }
  for (const std::string& path : *paths) {
    policy::Watch one = watch;
    one.path = path;
    const auto added = tree_.add(one, settings_.default_depth, is_due);
    if (!added && !has_planned_) {
      outlets_.submit(report::make(report::kAppearsTwice, now, {{"path", path}}));
    }
  }
}

void Checks::run(Way way, std::function<void(bool)> on_done) {
  way_ = way;
  is_stopped_ = false;
  plan(way.due);
  if (!is_wordless()) outlets_.submit(report::make(report::kCheckStarting, clock_.now_ns()));
  if (settings_.action == Action::Init) return init(std::move(on_done));
  if (settings_.action == Action::Update) return update(on_done);
  check(std::move(on_done));
}

/// To what the memory of a check belongs: it is of no use to one that looks for something else.
Digest Checks::identity() const {
  base::Writer writer;
  writer.text(PACKAGE_VERSION).text(settings_.config_digest).text(baseline_digest());
  writer.number(settings_.default_depth);
  for (const policy::Watch& watch : settings_.watches) {
    writer.number(static_cast<std::uint8_t>(watch.policy)).text(watch.path);
    writer.number(std::uint8_t{watch.is_directory}).number(watch.depth.value_or(INT_MAX));
  }
  return crypto::sha256(writer.view());
}

scan::Resume* Checks::begin_resumed() {
  if (!way_.is_resumed || way_.is_silent) return nullptr;
  scan::Resume& resume = resumption_.begin(settings_.resume_path, identity());
  if (resume.directories() > 0) {
    outlets_.submit(report::make(report::kCheckResumed, clock_.now_ns(),
                                 {{"directories", std::to_string(resume.directories())},
                                  {"files", std::to_string(resume.files())}}));
  }
  return &resume;
}

void Checks::check(std::function<void(bool)> on_done) {
  scan::Resume* resume = begin_resumed();
  begin_findings(resume != nullptr && resume->directories() > 0);
  const auto done = [this, on_done = std::move(on_done)](Result<scan::Summary> summary) {
    summary_ = summary ? *summary : scanner_->so_far();
    resumption_.end();
    keep_findings();
    if (summary) {
      tell_completed(*summary);
    } else {
      tell_failure(summary.error(), settings_.baseline_path);
    }
    on_done(static_cast<bool>(summary));
  };
  scanner_->check(*baseline_, done, resume);
}

/// What has been told once stays in the list for as long as it is not told again.  A number that
/// somebody has read never comes to mean something else, also if a restart came in between, or a
/// check beside the daemon.  A check that goes on where one was cut off goes on with what that one
/// found.
void Checks::begin_findings(bool goes_on) {
  const std::string digest = baseline_digest();
  auto before = load_findings(settings_.findings_path);
  if (before && goes_on && before->baseline_digest == digest) {
    findings_ = *std::move(before);
    return;
  }
  const std::uint64_t next_number =
      std::max(findings_.next_number, before ? before->next_number : 1);
  if (settings_.scan.reports_once && findings_.baseline_digest == digest) {
    findings_.next_number = next_number;
    return;
  }
  findings_ = {};
  findings_.baseline_digest = digest;
  findings_.next_number = next_number;
  has_new_findings_ = true;
}

void Checks::note_finding(const Report& report) {
  if (report.event_class != EventClass::Event) return;
  findings_.note(report);
  has_new_findings_ = true;
}

void Checks::keep_findings() {
  // The directory of the state may be watched, too: nothing is written for nothing.
  if (!std::exchange(has_new_findings_, false)) return;
  const std::string& path = settings_.findings_path;
  auto saved = save_findings(path, findings_);
  if (saved) return;
  outlets_.submit(report::make_filled(report::kCallFailed, {saved.error().text()}, clock_.now_ns(),
                                      {{"interface", "list of findings"}, {"path", path}}));
}

void Checks::update(const std::function<void(bool)>& on_done) {
  // The changes that an approval accepts are told as such.
  way_.is_silent = settings_.update.is_approval();
  update_ = std::make_unique<BaselineUpdate>(BaselineUpdate::Parts{.loop = loop_,
                                                                   .clock = clock_,
                                                                   .outlets = outlets_,
                                                                   .settings = settings_,
                                                                   .scanner = *scanner_,
                                                                   .old = *baseline_});
  // From the loop: who calls is taken down.
  auto begun = update_->begin([this, on_done](const Result<BaselineUpdate::Outcome>& outcome) {
    loop_.soon([this, on_done, outcome] {
      const bool is_good = commit_update(outcome);
      update_.reset();
      on_done(is_good);
    });
  });
  if (begun) return;
  tell_failure(begun.error(), settings_.baseline_path);
  update_.reset();
  on_done(false);
}

bool Checks::commit_update(const Result<BaselineUpdate::Outcome>& outcome) {
  const std::string& path = settings_.baseline_path;
  if (!outcome || is_stopped_) {
    if (!outcome) tell_failure(outcome.error(), path);
    return false;
  }
  summary_ = outcome->summary;
  tell_completed(outcome->summary);
  if (!outcome->is_new) return outcome->is_complete;
  const auto key = baseline::load_key(path);
  auto committed = key ? update_->writer().commit(*key) : Result<baseline::Written>{key.error()};
  if (!committed) {
    tell_failure(committed.error(), path);
    return false;
  }
  written_ = *std::move(committed);
  has_new_baseline_ = true;
  update_->tell_accepted();
  if (auto done = update_->forget_accepted(); !done) {
    tell_failure(done.error(), settings_.findings_path);
  }
  return outcome->is_complete;
}

/// Where init writes: beside the baseline, if that is to stay as it is.
std::string Checks::new_path() const {
  return settings_.prints_baseline ? settings_.baseline_path + ".stdout" : settings_.baseline_path;
}

void Checks::init(std::function<void(bool)> on_done) {
  const std::string path = new_path();
  if (access(path.c_str(), F_OK) == 0) {
    outlets_.submit(report::make(report::kBaselineExists, clock_.now_ns(), {{"path", path}}));
  }
  auto writer = baseline::Writer::create(path, settings_.scan.digests);
  if (!writer) {
    tell_failure(writer.error(), path);
    return on_done(false);
  }
  writer_ = *std::move(writer);
  scanner_->init(*writer_, [this, on_done = std::move(on_done)](Result<scan::Summary> summary) {
    summary_ = summary ? *summary : scanner_->so_far();
    if (summary) return commit(*summary, on_done);
    tell_failure(summary.error(), new_path());
    writer_.reset();
    on_done(false);
  });
}

Result<void> Checks::add_absent() {
  for (const std::string& path : settings_.absent_paths) {
    const scan::Location at = scan::locate(path);
    auto added = writer_->add(at.directory, baseline::absent_entry(at.name));
    if (!added) return added;
  }
  return {};
}

void Checks::commit(const scan::Summary& summary, const std::function<void(bool)>& on_done) {
  const std::string& path = settings_.baseline_path;
  if (auto added = add_absent(); !added) {
    tell_failure(added.error(), path);
    writer_.reset();
    return on_done(false);
  }
  const auto key = baseline::load_or_make_key(path);
  auto committed = key ? writer_->commit(*key) : Result<baseline::Written>{key.error()};
  if (committed && settings_.prints_baseline) {
    if (auto printed = print_new(committed->file.get()); !printed) committed = printed.error();
  }
  writer_.reset();
  if (!committed) {
    tell_failure(committed.error(), path);
    return on_done(false);
  }
  if (!settings_.prints_baseline) written_ = *std::move(committed);
  tell_completed(summary);
  outlets_.submit(report::make(report::kBaselineWritten, clock_.now_ns(),
                               {{"path", settings_.prints_baseline ? "standard output" : path},
                                {"files", std::to_string(summary.files + summary.directories)}}));
  on_done(true);
}

/// The file that was made for it is gone afterwards.
Result<void> Checks::print_new(int fd) const {
  const std::string path = new_path();
  if (unlink(path.c_str()) != 0) return system_error("unlink", errno).within("baseline", path);
  std::vector<std::uint8_t> buffer(std::size_t{256} << 10);
  off_t done = 0;
  for (;;) {
    const ssize_t got = pread(fd, buffer.data(), buffer.size(), done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", errno).within("baseline", path);
    if (got == 0) return {};
    done += got;
    const auto piece = std::span(buffer).first(static_cast<std::size_t>(got));
    if (auto written = sys::write_all(STDOUT_FILENO, piece); !written) {
      return written.error().within("standard output", "");
    }
  }
}

void Checks::tell_completed(const scan::Summary& summary) {
  if (is_wordless()) return;
  const double seconds = std::max(summary.duration.count(), 0.001);
  const double kilobytes = static_cast<double>(summary.bytes) / 1000.0;
  outlets_.submit(
      report::make(report::kCheckCompleted, clock_.now_ns(),
                   {{"time", std::to_string(static_cast<long>(summary.duration.count()))},
                    {"kBps", fmt::format("{:.6f}", kilobytes / seconds)}}));
}

void Checks::tell_failure(const Error& error, const std::string& object) {
  if (is_stopped_) return;  // given up because we were told to, which is no failure
  if (error.kind == Error::Kind::Busy) {
    return outlets_.submit(report::make(report::kBaselineLocked, clock_.now_ns(),
                                        {{"subroutine", std::string{word_of(settings_.action)}},
                                         {"path", object},
                                         {"reason", error.what}}));
  }
  outlets_.submit(report::make_filled(report::kCallFailed, {error.text()}, clock_.now_ns(),
                                      {{"interface", "file check"}, {"path", object}}));
}

void Checks::cut_off() {
  resumption_.stop();
  stop();
}

void Checks::stop() {
  is_stopped_ = true;
  if (update_) update_->stop();
  if (scanner_ && scanner_->is_running()) scanner_->stop();
}

}  // namespace samhain::agent
