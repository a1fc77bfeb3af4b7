#include "agent/checks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "report/catalog.h"
#include "sys/file.h"

namespace samhain::agent {

namespace {

std::string own_uid() { return std::to_string(geteuid()); }

}  // namespace

Checks::Checks(sys::Loop& loop, const base::Clock& clock, Outlets& outlets,
               const Settings& settings)
    : loop_(loop), clock_(clock), outlets_(outlets), settings_(settings) {}

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

void Checks::tell_no_baseline(const Error& error) {
  const std::int64_t now = clock_.now_ns();
  const std::string& path = settings_.baseline_path;
  if (error.kind != Error::Kind::Missing && error.sys_errno == 0) {
    return outlets_.submit(
        report::make(report::kBaselineRefused, now, {{"path", path}, {"reason", error.text()}}));
  }
  std::vector<Field> fields = {{"userid", own_uid()}, {"path", path}, {"reason", error.text()}};
  if (error.kind == Error::Kind::Missing) {
    fields.push_back({"remedy", "make one: samhain -t init"});
  }
  outlets_.submit(report::make(report::kFileNotAccessible, now, std::move(fields)));
}

Result<void> Checks::start(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  scan::MeasurerPool::Settings pool_settings;
  pool_settings.count = settings_.measurers;
  pool_settings.deadline = settings_.measure_timeout;
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

void Checks::make_scanner() {
  scanner_ = std::make_unique<scan::Scanner>(
      loop_, *pool_, clock_, tree_, settings_.scan, [this](Report&& report) {
        if (settings_.action == Action::Check) note_finding(report);
        if (update_) update_->consider(report);
        if (is_silent_ && report.event_class == EventClass::Event) return;
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
      before.measure_timeout != settings_.measure_timeout) {
    pool_.reset();
    return start(on_ready_);
  }
  make_scanner();
  return {};
}

/// What is watched, globs expanded anew: files come and go.
void Checks::plan() {
  tree_ = policy::PolicyTree{};
  for (const policy::Watch& watch : settings_.watches) add_watch(watch);
  has_planned_ = true;
  if (tree_.is_empty()) outlets_.submit(report::make(report::kNothingToCheck, clock_.now_ns()));
}

void Checks::add_watch(const policy::Watch& watch) {
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
    const auto added = tree_.add(one, settings_.default_depth);
    if (!added && !has_planned_) {
      outlets_.submit(report::make(report::kAppearsTwice, now, {{"path", path}}));
    }
  }
}

void Checks::run(bool is_silent, std::function<void(bool)> on_done) {
  is_silent_ = is_silent;
  is_stopped_ = false;
  plan();
  outlets_.submit(report::make(report::kCheckStarting, clock_.now_ns()));
  if (settings_.action == Action::Init) return init(std::move(on_done));
  if (settings_.action == Action::Update) return update(on_done);
  check(std::move(on_done));
}

void Checks::check(std::function<void(bool)> on_done) {
  begin_findings();
  scanner_->check(*baseline_, [this, on_done = std::move(on_done)](Result<scan::Summary> summary) {
    keep_findings();
    if (summary) {
      tell_completed(*summary);
    } else {
      tell_failure(summary.error(), settings_.baseline_path);
    }
    on_done(static_cast<bool>(summary));
  });
}

/// What has been told once stays in the list for as long as it is not told again.
void Checks::begin_findings() {
  const std::string digest = baseline_digest();
  if (settings_.scan.reports_once && findings_.baseline_digest == digest) return;
  findings_ = {};
  findings_.baseline_digest = digest;
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
  is_silent_ = settings_.update.is_approval();
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
  tell_completed(outcome->summary);
  if (!outcome->is_new) return outcome->is_complete;
  const auto key = baseline::load_key(path);
  const auto committed = key ? update_->writer().commit(*key) : Result<void>{key.error()};
  if (!committed) {
    tell_failure(committed.error(), path);
    return false;
  }
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
    if (summary) return commit(*summary, on_done);
    tell_failure(summary.error(), new_path());
    writer_.reset();
    on_done(false);
  });
}

void Checks::commit(const scan::Summary& summary, const std::function<void(bool)>& on_done) {
  const std::string& path = settings_.baseline_path;
  const auto key = baseline::load_or_make_key(path);
  auto committed = key ? writer_->commit(*key) : Result<void>{key.error()};
  if (committed && settings_.prints_baseline) committed = print_new();
  writer_.reset();
  if (!committed) {
    tell_failure(committed.error(), path);
    return on_done(false);
  }
  tell_completed(summary);
  outlets_.submit(report::make(report::kBaselineWritten, clock_.now_ns(),
                               {{"path", settings_.prints_baseline ? "standard output" : path},
                                {"files", std::to_string(summary.files + summary.directories)}}));
  on_done(true);
}

/// The file that was made for it is gone afterwards.
Result<void> Checks::print_new() {
  const std::string path = new_path();
  if (unlink(path.c_str()) != 0) return system_error("unlink", errno).within("baseline", path);
  std::vector<std::uint8_t> buffer(std::size_t{256} << 10);
  off_t done = 0;
  for (;;) {
    const ssize_t got = pread(writer_->fd(), buffer.data(), buffer.size(), done);
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
  const double seconds = std::max(summary.duration.count(), 0.001);
  const double kilobytes = static_cast<double>(summary.bytes) / 1000.0;
  outlets_.submit(
      report::make(report::kCheckCompleted, clock_.now_ns(),
                   {{"time", std::to_string(static_cast<long>(summary.duration.count()))},
                    {"kBps", fmt::format("{:.6f}", kilobytes / seconds)}}));
}

void Checks::tell_failure(const Error& error, const std::string& object) {
  if (is_stopped_) return;  // given up because we were told to, which is no failure
  outlets_.submit(report::make_filled(report::kCallFailed, {error.text()}, clock_.now_ns(),
                                      {{"interface", "file check"}, {"path", object}}));
}

void Checks::stop() {
  is_stopped_ = true;
  if (update_) update_->stop();
  if (scanner_ && scanner_->is_running()) scanner_->stop();
}

}  // namespace samhain::agent
