#include "agent/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/options.h"
#include "sys/daemon.h"

namespace samhain::agent {

namespace {

constexpr std::array<std::string_view, 6> kWords = {"start",  "stop",         "restart",
                                                    "reload", "force-reload", "status"};

int complain(const std::string& line) {
  (void)std::fputs((line + "\n").c_str(), stderr);
  return 1;
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
  return sys::run_control_word(word, daemon).value_or(1);
}

}  // namespace samhain::agent
