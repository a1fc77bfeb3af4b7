#include "agent/progress.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "agent/estimate.h"
#include "report/catalog.h"

namespace samhain::agent {

Progress::Progress(sys::Loop& loop, const base::Clock& clock, sink::StatusLine& line, Source source,
                   Intervals intervals)
    : loop_(loop), clock_(clock), line_(line), source_(std::move(source)), intervals_(intervals) {
  status_.pid = getpid();
  status_.started_ns = clock_.now_ns();
}

Progress::~Progress() { loop_.cancel(timer_); }

Result<void> Progress::open(const std::string& path) {
  auto file = StatusFile::open(path);
  if (!file) return file.error();
  file_.emplace(*std::move(file));
  if (file_->before()) status_.last = file_->before()->last;
  return {};
}

std::optional<ScanState> Progress::cut_off() const {
  if (!file_ || !file_->before()) return std::nullopt;
  const ScanState& scan = file_->before()->running;
  return scan.action == Action::None ? std::nullopt : std::optional(scan);
}

void Progress::begin(Action action, bool is_silent) {
  is_silent_ = is_silent;
  is_marked_ = false;
  status_.running = {.action = action, .began_ns = clock_.now_ns()};
  status_.next_ns = 0;
  last_line_ = clock_.steady();
  write(false);
  loop_.cancel(timer_);
  timer_ = loop_.after(intervals_.tick, [this] { tick(); });
}

void Progress::tick() {
  const bool is_first = !is_marked_;
  look();
  if (line_.is_possible()) {
    if (!source_.is_asking()) line_.show(progress_bar(status_.running, clock_.now_ns()));
  } else if (clock_.steady() - last_line_ >= intervals_.line && !is_silent_) {
    last_line_ += intervals_.line;
    const ScanState& scan = status_.running;
    const Estimate now = estimate(scan, clock_.now_ns());
    std::vector<Field> fields = {
        {"time", std::to_string(static_cast<long>(now.elapsed.count()))},
        {"files", std::to_string(scan.files)},
        {"kBps", std::to_string(static_cast<long>(now.bytes_per_second / 1000.0))}};
    if (now.percent) fields.push_back({"percent", std::to_string(*now.percent)});
    if (now.left) fields.push_back({"left", std::to_string(now.left->count())});
    source_.tell(report::make(report::kCheckRunning, clock_.now_ns(), std::move(fields)));
  }
  // A short scan, which has no tick, costs no flush of the disk.
  write(is_first);
  timer_ = loop_.after(intervals_.tick, [this] { tick(); });
}

void Progress::look() {
  const scan::Summary now = source_.so_far();
  ScanState& scan = status_.running;
  scan.files = now.files;
  scan.bytes = now.bytes;
  scan.skipped = now.skipped;
  if (std::exchange(is_marked_, true)) return;
  // Nobody knows how much a first init will find; the next one finds about the same.
  scan.expected = scan.action == Action::Init ? status_.last.scan.files : source_.expected();
}

void Progress::end(Outcome outcome, const scan::Summary& summary) {
  loop_.cancel(timer_);
  line_.erase();
  ScanState scan = std::exchange(status_.running, {});
  scan.files = scan.expected = summary.files;
  scan.bytes = summary.bytes;
  scan.skipped = summary.skipped;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::nanoseconds(clock_.now_ns() - scan.began_ns));
  status_.last = {.scan = scan,
                  .duration_ms = static_cast<std::uint64_t>(std::max<long>(took.count(), 0)),
                  .findings = summary.findings,
                  .errors = summary.errors,
                  .outcome = outcome};
  write(is_marked_);
}

void Progress::plan(std::int64_t next_ns) {
  status_.next_ns = next_ns;
  write(false);
}

void Progress::suspend(bool is_suspended) {
  status_.is_suspended = is_suspended;
  write(false);
}

void Progress::last_word() {
  loop_.cancel(timer_);
  line_.erase();
  const bool is_cut_off = status_.running.action != Action::None;
  if (is_cut_off) look();
  status_.next_ns = 0;
  write(is_cut_off);
}

void Progress::write(bool is_durable) {
  if (!file_) return;
  status_.updated_ns = clock_.now_ns();
  const auto written = file_->write(status_, is_durable);
  if (written) {
    has_told_failure_ = false;
  } else if (!std::exchange(has_told_failure_, true)) {
    source_.tell(report::make_filled(report::kCallFailed, {written.error().text()}, clock_.now_ns(),
                                     {{"interface", "status file"}}));
  }
}

}  // namespace samhain::agent
