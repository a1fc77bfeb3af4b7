#include "agent/agent.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "agent/checks.h"
#include "agent/outlets.h"
#include "agent/run.h"
#include "base/die.h"
#include "report/catalog.h"
#include "sys/daemon.h"
#include "uplink/resolver.h"

namespace samhain::agent {

namespace {

std::string own_uid() { return std::to_string(geteuid()); }

/// A relative path would lose its meaning when the daemon leaves the directory, or at a reload.
std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::string directory(PATH_MAX, '\0');
  if (getcwd(directory.data(), directory.size()) == nullptr) return path;
  directory.resize(directory.find('\0'));
  return directory + "/" + path;
}

/// The end of a run that could not begin: the lines, then status 1.
int refuse(const Options& options, const std::vector<Report>& lines) {
  const base::SystemClock clock;
  auto loop = sys::Loop::create();
  if (!loop) base::die(loop.error().text());
  Outlets outlets{**loop, clock,
                  options.print_threshold.value_or(SeveritySet::from(Severity::Info)),
                  Outlets::kPatienceOfWatched};
  for (const Report& line : lines) outlets.submit(line);
  outlets.submit(report::make(report::kExit, clock.now_ns(),
                              {{"program", "Samhain"}, {"status", "exit_failure"}}));
  return 1;
}

}  // namespace

std::vector<Report> lines_of(const Unusable& unusable, const std::string& path) {
  const std::int64_t now = base::SystemClock{}.now_ns();
  std::vector<Report> lines;
  for (const sys::Distrust& reason : unusable.distrust) {
    lines.push_back(report::make_filled(
        report::kDistrusted, {reason.message}, now,
        {{"subroutine", "trustfile"}, {"path", path}, {"obj", reason.component}}));
  }
  if (!lines.empty()) {
    lines.push_back(
        report::make(report::kPanicUntrustedPath, now, {{"userid", own_uid()}, {"path", path}}));
    return lines;
  }
  lines.push_back(
      report::make(report::kPanicFileNotAccessible, now,
                   {{"userid", own_uid()}, {"path", path}, {"reason", unusable.error.text()}}));
  return lines;
}

std::string own_name() {
  const auto name = uplink::find_own_name();
  return name ? *name : "127.0.0.1";
}

int run_agent(const Options& given, const Paths& paths) {
  Options options = given;
  options.config_path = absolute(options.config_path.value_or(paths.config));
  umask(077);

  const std::string host_name = own_name();
  Loading loading = load_settings(options, paths, host_name);
  if (!loading.loaded) return refuse(options, lines_of(loading.unusable, *options.config_path));
  const Settings& settings = loading.loaded->settings;
  if (settings.action == Action::None) {
    const std::int64_t now = base::SystemClock{}.now_ns();
    return refuse(options,
                  {report::make(report::kNoAction, now),
                   report::make(report::kPanicInitializing, now, {{"program", "Samhain"}})});
  }

  std::optional<sys::Detached> detached;
  if (settings.is_daemon) {
    auto result = sys::Detached::detach();
    if (!result) base::die(result.error().text());
    detached.emplace(*std::move(result));
  }
  auto loop = sys::Loop::create();
  if (!loop) base::die(loop.error().text());
  const base::SystemClock clock;
  Run run{
      **loop, clock, std::move(options), paths, *std::move(loading.loaded), std::move(detached)};
  return run.run();
}

}  // namespace samhain::agent
