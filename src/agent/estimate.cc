#include "agent/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace samhain::agent {
namespace {

constexpr unsigned kWhole = 100;
/// Nobody plans with more; and what is longer would not fit the number.
constexpr double kLongestLeft = 366.0 * 86'400.0;
constexpr std::size_t kBarWidth = 24;

std::string rates(const Estimate& now) {
  return fmt::format("{} files/s, {}/s",
                     grouped(static_cast<std::uint64_t>(std::llround(now.files_per_second))),
                     size_text(now.bytes_per_second));
}

}  // namespace

Estimate estimate(const ScanState& scan, std::int64_t at_ns) {
  Estimate now;
  now.elapsed = std::chrono::nanoseconds(std::max<std::int64_t>(at_ns - scan.began_ns, 0));
  const double seconds = std::max(now.elapsed.count(), 0.001);
  const std::uint64_t measured = scan.files - std::min(scan.skipped, scan.files);
  now.files_per_second = static_cast<double>(measured) / seconds;
  now.bytes_per_second = static_cast<double>(scan.bytes) / seconds;
  if (scan.expected == 0) return now;
  const double share = static_cast<double>(scan.files) / static_cast<double>(scan.expected);
  now.percent = static_cast<unsigned>(std::min(share, 0.99) * kWhole);
  if (now.files_per_second <= 0) return now;
  const auto rest = static_cast<double>(scan.expected - std::min(scan.files, scan.expected));
  now.left =
      std::chrono::seconds(std::llround(std::min(rest / now.files_per_second, kLongestLeft)));
  return now;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string size_text(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  constexpr double kStep = 1000;
  std::size_t unit = 0;
  while (bytes >= kStep && unit + 1 < kUnits.size()) {
    bytes /= kStep;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string duration_text(std::chrono::seconds time) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 3'600;
  const std::int64_t seconds = time.count();
  if (seconds < kMinute) return fmt::format("{} s", seconds);
  if (seconds < kHour) return fmt::format("{} min {} s", seconds / kMinute, seconds % kMinute);
  return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
}

std::string progress_text(const ScanState& scan, std::int64_t at_ns) {
  const Estimate now = estimate(scan, at_ns);
  std::string text = grouped(scan.files);
  if (scan.expected != 0) text += fmt::format(" of {}", grouped(scan.expected));
  text += " files";
  if (now.percent) text += fmt::format(" ({} %)", *now.percent);
  text += fmt::format(", {}, {}", size_text(static_cast<double>(scan.bytes)), rates(now));
  if (now.left) text += fmt::format(", {} left", duration_text(*now.left));
  return text;
}

std::string progress_bar(const ScanState& scan, std::int64_t at_ns) {
  const Estimate now = estimate(scan, at_ns);
  if (!now.percent) return fmt::format("{} files  {}", grouped(scan.files), rates(now));
  const std::size_t done = kBarWidth * *now.percent / kWhole;
  const std::string bar = std::string(done, '=') + ">" + std::string(kBarWidth - done, ' ');
  std::string text = fmt::format("[{}] {:2} %  {}", bar, *now.percent, rates(now));
  if (now.left) text += fmt::format("  {} left", duration_text(*now.left));
  return text;
}

}  // namespace samhain::agent
