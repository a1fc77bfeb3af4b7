#include "agent/status_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "agent/estimate.h"
#include "base/clock.h"

namespace samhain::agent {
namespace {

std::string_view word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Completed:
      return "completed";
    case Outcome::Stopped:
      return "stopped";
    case Outcome::Failed:
      return "failed";
  }
  return "unknown";
}

bool is_one(const ScanState& scan) { return scan.action != Action::None; }

/// One that stopped writing is no further than when it did.
std::int64_t moment_of(const SeenStatus& seen, std::int64_t now_ns) {
  return seen.is_alive ? std::max(now_ns, seen.status.updated_ns) : seen.status.updated_ns;
}

std::string last_text(const ScanResult& last) {
  const auto took = std::chrono::milliseconds(last.duration_ms);
  return fmt::format("last {}: {}, began {}, took {}, {} files, {}, {} findings, {} errors\n",
                     agent::word_of(last.scan.action), word_of(last.outcome),
                     base::local_time(last.scan.began_ns),
                     duration_text(std::chrono::round<std::chrono::seconds>(took)),
                     grouped(last.scan.files), size_text(static_cast<double>(last.scan.bytes)),
                     grouped(last.findings), grouped(last.errors));
}

std::string number_or_null(bool is_there, double number) {
  return is_there ? fmt::format("{:.0f}", number) : "null";
}

std::string time_or_null(std::int64_t time_ns) {
  return time_ns == 0 ? "null" : fmt::format("\"{}\"", base::local_time(time_ns));
}

std::string scan_json(const ScanState& scan, std::int64_t at_ns) {
  if (!is_one(scan)) return "null";
  const Estimate now = estimate(scan, at_ns);
  return fmt::format(
      R"({{"action":"{}","since":{},"elapsed_s":{:.1f},"files":{},"expected_files":{},"bytes":{},)"
      R"("files_per_s":{:.1f},"bytes_per_s":{:.0f},"percent":{},"left_s":{}}})",
      agent::word_of(scan.action), time_or_null(scan.began_ns), now.elapsed.count(), scan.files,
      number_or_null(scan.expected != 0, static_cast<double>(scan.expected)), scan.bytes,
      now.files_per_second, now.bytes_per_second,
      number_or_null(now.percent.has_value(), now.percent.value_or(0)),
      number_or_null(now.left.has_value(),
                     static_cast<double>(now.left.value_or(std::chrono::seconds{}).count())));
}

std::string last_json(const ScanResult& last) {
  if (!is_one(last.scan)) return "null";
  return fmt::format(
      R"({{"action":"{}","outcome":"{}","began":{},"duration_s":{:.3f},"files":{},"bytes":{},)"
      R"("findings":{},"errors":{}}})",
      agent::word_of(last.scan.action), word_of(last.outcome), time_or_null(last.scan.began_ns),
      static_cast<double>(last.duration_ms) / 1000.0, last.scan.files, last.scan.bytes,
      last.findings, last.errors);
}

}  // namespace

std::string status_text(const std::optional<SeenStatus>& seen, std::int64_t now_ns) {
  if (!seen) return "samhain does not run, and has left no word here\n";
  const Status& status = seen->status;
  std::string text = "samhain does not run\n";
  if (seen->is_alive) {
    text =
        fmt::format("samhain runs: process {}, since {}{}\n", status.pid,
                    base::local_time(status.started_ns), status.is_suspended ? ", suspended" : "");
  }
  if (is_one(status.running)) {
    text += fmt::format("{}: {} {}, {}\n", agent::word_of(status.running.action),
                        seen->is_alive ? "running since" : "cut off, began",
                        base::local_time(status.running.began_ns),
                        progress_text(status.running, moment_of(*seen, now_ns)));
  }
  if (is_one(status.last.scan)) text += last_text(status.last);
  if (seen->is_alive && status.next_ns != 0) {
    text += fmt::format("next check: {}\n", base::local_time(status.next_ns));
  }
  return text;
}

std::string status_json(const std::optional<SeenStatus>& seen, std::int64_t now_ns) {
  const SeenStatus& shown = seen ? *seen : SeenStatus{};
  const Status& status = shown.status;
  const bool is_alive = shown.is_alive;
  const std::string scan = scan_json(status.running, moment_of(shown, now_ns));
  return fmt::format(
      R"({{"running":{},"pid":{},"since":{},"suspended":{},"scan":{},"cut_off":{},"last":{},)"
      R"("next":{}}})"
      "\n",
      is_alive, number_or_null(is_alive, static_cast<double>(status.pid)),
      time_or_null(is_alive ? status.started_ns : 0), status.is_suspended, is_alive ? scan : "null",
      is_alive ? "null" : scan, last_json(status.last),
      time_or_null(is_alive ? status.next_ns : 0));
}

}  // namespace samhain::agent
