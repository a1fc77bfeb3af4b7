#include "agent/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/options.h"
#include "agent/status.h"
#include "agent/status_report.h"
#include "base/clock.h"
#include "sys/daemon.h"

namespace samhain::agent {

namespace {

constexpr std::array<std::string_view, 6> kWords = {"start",  "stop",         "restart",
                                                    "reload", "force-reload", "status"};

int complain(const std::string& line) {
  (void)std::fputs((line + "\n").c_str(), stderr);
  return 1;
}

/// The exit status says whether the daemon runs; this, what it does.
void print_status(const Options& options, const Loading& loading, const Paths& paths) {
  const auto seen =
      read_status(loading.loaded ? loading.loaded->settings.status_path
                                 : beside_baseline(paths.baseline, paths, kStatusSuffix));
  if (!seen && seen.error().kind != Error::Kind::Missing) {
    (void)complain(fmt::format("samhain: {}", seen.error().text()));
    return;
  }
  const auto shown = seen ? std::optional(*seen) : std::nullopt;
  const std::int64_t now = base::SystemClock{}.now_ns();
  (void)std::fputs((options.is_json ? status_json(shown, now) : status_text(shown, now)).c_str(),
                   stdout);
}

}  // namespace

bool is_control_word(std::string_view word) {
  return std::ranges::find(kWords, word) != kWords.end();
}

int control(std::string_view word, std::span<const std::string_view> arguments,
            const Paths& paths) {
  const auto options = parse_options(arguments);
  if (!options) return complain(options.error().what);
  if (options->task != Options::Task::Run) {
    return complain(fmt::format("Error: not an option of {}", word));
  }
  // The pid file's place is the configuration's to say; without one, the usual place.
  const auto loading = load_settings(*options, paths, own_name());
  sys::Controlled daemon;
  daemon.program = "samhain";
  daemon.pid_path = loading.loaded ? loading.loaded->settings.pid_path : paths.pid;

  // The first -t counts, so whatever follows cannot make it anything but a check.
  std::vector<std::string> start = {"-D", "-t", "check"};
  for (const std::string_view argument : arguments) {
    if (argument != "--foreground" && argument != "-f" && argument != "--forever") {
      start.emplace_back(argument);
    }
  }
  daemon.start = start;
  const int result = sys::run_control_word(word, daemon).value_or(1);
  if (word == "status") print_status(*options, loading, paths);
  return result;
}

}  // namespace samhain::agent
