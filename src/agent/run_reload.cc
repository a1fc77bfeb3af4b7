// Files from the server for a run: the baseline at its start, both at a reload.

#include <fcntl.h>

#include <utility>

#include "agent/download.h"
#include "agent/run.h"
#include "report/catalog.h"

namespace samhain::agent {

namespace {

using Kind = uplink::Fetched::Kind;

}  // namespace

Result<uplink::Wanted> Run::wanted_baseline() const {
  uplink::Wanted wanted;
  wanted.kind = wire::FileKind::Baseline;
  wanted.held = checks_.received_digest();
  wanted.limit_bytes = settings_.download_limit_bytes;
  auto store = uplink::Store::in_directory(paths_.state);
  if (!store) return store.error();
  wanted.store = *std::move(store);
  return wanted;
}

void Run::tell_fetched(const uplink::Fetched& fetched, Severity severity_of_failure) {
  const std::int64_t now = clock_.now_ns();
  if (fetched.kind == Kind::Received) {
    return outlets_.submit(report::make(report::kDownloadCompleted, now));
  }
  if (fetched.kind == Kind::Unchanged) return;
  Report failure = report::make(report::kDownloadFailed, now, {{"reason", reason_of(fetched)}});
  failure.severity = severity_of_failure;
  outlets_.submit(failure);
}

/// Runs the loop until the server has answered: nothing else is going on yet.
Result<void> Run::fetch_first_baseline() {
  if (settings_.load_delay.count() > 0) {
    loop_.after(settings_.load_delay, [this] { loop_.stop(); });
    loop_.run();
  }
  if (auto started = outlets_.start_link(settings_, [this] { on_link_change(); }); !started) {
    return started;
  }
  auto wanted = wanted_baseline();
  if (!wanted) return wanted.error();
  outlets_.submit(report::make(report::kDownloadingBaseline, clock_.now_ns()));
  uplink::Fetched fetched;
  outlets_.fetch(*std::move(wanted), [&](uplink::Fetched&& file) {
    fetched = std::move(file);
    loop_.stop();
  });
  loop_.run();
  tell_fetched(fetched, Severity::Err);
  if (fetched.kind == Kind::Received) {
    return checks_.take_baseline(fetched.store.take(), fetched.sha256);
  }
  return Error{Error::Kind::Missing,
               "no baseline from the server: is it up, is this host registered there with this "
               "password, and can it read file." +
                   settings_.host_name + " or file in its data directory?"};
}

void Run::fetch_configuration_again() {
  auto wanted = wanted_configuration(received_digest_);
  if (!wanted) {
    uplink::Fetched failed;
    failed.reason = wanted.error().text();
    return tell_fetched(failed, Severity::Info);
  }
  is_fetching_ = true;
  outlets_.submit(report::make(report::kDownloadingConfiguration, clock_.now_ns()));
  outlets_.fetch(*std::move(wanted),
                 [this](uplink::Fetched&& fetched) { take_configuration(std::move(fetched)); });
}

void Run::take_configuration(uplink::Fetched&& fetched) {
  is_fetching_ = false;
  if (is_ending_) return;
  tell_fetched(fetched, Severity::Info);
  if (fetched.kind != Kind::Received && fetched.kind != Kind::Unchanged) {
    outlets_.submit(
        report::make(report::kOldConfigurationStays, clock_.now_ns(),
                     {{"path", settings_.config_path}, {"reason", reason_of(fetched)}}));
    return plan_next_check();
  }
  // Read again also if it is the same: what it asks of this host may have changed.
  UniqueFd text = fetched.kind == Kind::Received
                      ? fetched.store.take()
                      : UniqueFd{fcntl(received_.get(), F_DUPFD_CLOEXEC, 0)};
  consider(read_received(std::move(text), fetched.sha256, options_, paths_, settings_.host_name));
}

/// A configuration that may take the place of the one in use.
void Run::consider(Loading loading) {
  if (!accept(loading)) return plan_next_check();
  const bool wants_baseline =
      settings_.action == Action::Check && loading.loaded->settings.is_baseline_remote;
  if (wants_baseline) return fetch_baseline_again(*std::move(loading.loaded));
  apply(*std::move(loading.loaded), {});
}

void Run::fetch_baseline_again(Loaded loaded) {
  auto wanted = wanted_baseline();
  if (!wanted) {
    uplink::Fetched failed;
    failed.reason = wanted.error().text();
    tell_fetched(failed, Severity::Info);
    return apply(std::move(loaded), {});
  }
  is_fetching_ = true;
  waiting_ = std::move(loaded);
  outlets_.submit(report::make(report::kDownloadingBaseline, clock_.now_ns()));
  outlets_.fetch(*std::move(wanted), [this](uplink::Fetched&& fetched) {
    is_fetching_ = false;
    if (is_ending_ || !waiting_) return;
    tell_fetched(fetched, Severity::Info);
    Loaded ready = *std::move(waiting_);
    waiting_.reset();
    apply(std::move(ready), std::move(fetched));
  });
}

}  // namespace samhain::agent
