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
#include "agent/credentials.h"
#include "agent/delta_list.h"
#include "agent/download.h"
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
  if (path.starts_with('/') || place_of(path).is_remote) return path;
  std::string directory(PATH_MAX, '\0');
  if (getcwd(directory.data(), directory.size()) == nullptr) return path;
  directory.resize(directory.find('\0'));
  return directory + "/" + path;
}

/// Tells lines of a run that has not begun: there is only its console.
void tell_early(const Options& options, Credentials& credentials,
                const std::vector<Report>& lines) {
  const base::SystemClock clock;
  auto loop = sys::Loop::create();
  if (!loop) base::die(loop.error().text());
  Outlets outlets{**loop, clock, credentials,
                  options.print_threshold.value_or(SeveritySet::from(Severity::Info)),
                  Outlets::kPatienceOfWatched};
  for (const Report& line : lines) outlets.submit(line);
}

/// The end of a run that could not begin: the lines, then status 1.
int refuse(const Options& options, Credentials& credentials, std::vector<Report> lines) {
  lines.push_back(report::make(report::kExit, base::SystemClock{}.now_ns(),
                               {{"program", "Samhain"}, {"status", "exit_failure"}}));
  tell_early(options, credentials, lines);
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

namespace {

/// The configuration of the server; of this host, where the server has none and init is to make do
/// with that.  Nothing: there is none, and that is told.
std::optional<Loading> download_settings(const Options& options, const Paths& paths,
                                         const std::string& host_name, Credentials& credentials) {
  const auto tell = [&](const Report& line) { tell_early(options, credentials, {line}); };
  const auto now = [] { return base::SystemClock{}.now_ns(); };
  tell(report::make(report::kDownloadingConfiguration, now()));
  uplink::Fetched fetched = fetch_configuration(options, host_name, credentials, tell);
  if (fetched.kind == uplink::Fetched::Kind::Received) {
    tell(report::make(report::kDownloadCompleted, now()));
    return read_received(fetched.store.take(), fetched.sha256, options, paths, host_name);
  }
  const bool has_local =
      options.action == Action::Init && !place_of(*options.config_path).local.empty();
  Report failure = report::make(report::kDownloadFailed, now(), {{"reason", reason_of(fetched)}});
  if (has_local) failure.severity = Severity::Warn;
  tell(failure);
  if (!has_local) return std::nullopt;
  tell(report::make(report::kTryingLocalFile, now()));
  return load_settings(options, paths, host_name);
}

}  // namespace

std::string own_name() {
  const auto name = uplink::find_own_name();
  return name ? *name : "127.0.0.1";
}

int run_agent(const Options& given, const Paths& paths) {
  Options options = given;
  options.config_path = absolute(options.config_path.value_or(paths.config));
  umask(077);

  const std::string host_name = own_name();
  const Place place = place_of(*options.config_path);
  Credentials credentials;
  auto loading = place.is_remote ? download_settings(options, paths, host_name, credentials)
                                 : load_settings(options, paths, host_name);
  if (!loading) return refuse(options, credentials, {});
  if (!loading->loaded) {
    return refuse(options, credentials, lines_of(loading->unusable, place.local));
  }
  Settings& settings = loading->loaded->settings;
  if (!options.delta_list.empty()) {
    if (auto made = settings_for_delta(options, settings); !made) {
      base::die(made.error().text());
    }
  }
  if (settings.action == Action::None) {
    const std::int64_t now = base::SystemClock{}.now_ns();
    return refuse(options, credentials,
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
  Run run{**loop,
          clock,
          credentials,
          std::move(options),
          paths,
          *std::move(loading->loaded),
          std::move(detached)};
  return run.run();
}

}  // namespace samhain::agent
