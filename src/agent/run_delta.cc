// Deltas: changes to the baseline in use, fetched when the server's administrator says so.

#include <algorithm>
#include <utility>

#include "agent/run.h"
#include "report/catalog.h"

namespace samhain::agent {

namespace {

/// Deltas have a few entries; they are kept in memory.
constexpr std::uint64_t kMaxDelta = 64U << 20;
/// What may wait; an administrator who gives more commands has made a mistake.
constexpr std::size_t kMaxWaiting = 16;
constexpr std::string_view kSubroutine = "delta";

}  // namespace

Commands::Refusal Run::want_delta(std::string_view uuid) {
  if (!wire::is_uuid(uuid)) return "not a UUID";
  if (!is_looping()) return "a single check keeps the baseline it began with";
  if (!has_begun_) {
    outlets_.submit(
        report::make(report::kDeltaSkipped, clock_.now_ns(),
                     {{"subroutine", std::string{kSubroutine}}, {"path", std::string{uuid}}}));
    return "not initialized yet";
  }
  if (std::ranges::find(deltas_, uuid, &Delta::uuid) != deltas_.end()) return std::nullopt;
  if (deltas_.size() >= kMaxWaiting) return "too many deltas wait already";
  deltas_.push_back({std::string{uuid}, settings_.delta_retries});
  loop_.soon([this] { fetch_delta(); });
  return std::nullopt;
}

/// The next one, if nothing else is going on; else this is called again.
void Run::fetch_delta() {
  if (!is_idle() || deltas_.empty() || delta_timer_ != 0) return;
  uplink::Wanted wanted;
  wanted.kind = wire::FileKind::Delta;
  wanted.delta = deltas_.front().uuid;
  wanted.limit_bytes = kMaxDelta;
  auto store = uplink::Store::in_memory();
  if (!store) {
    uplink::Fetched failed;
    failed.reason = store.error().text();
    return take_delta(std::move(failed));
  }
  wanted.store = *std::move(store);
  is_fetching_ = true;
  outlets_.fetch(std::move(wanted),
                 [this](uplink::Fetched&& fetched) { take_delta(std::move(fetched)); });
}

void Run::take_delta(uplink::Fetched&& fetched) {
  is_fetching_ = false;
  if (is_ending_) return;
  tell_fetched(fetched, Severity::Info);
  Delta delta = std::move(deltas_.front());
  deltas_.pop_front();
  const bool is_here = fetched.kind == uplink::Fetched::Kind::Received;
  const bool is_applied = is_here && checks_.apply_delta(fetched.store.take(), delta.uuid);
  outlets_.submit(report::make(is_applied ? report::kDeltaDownloaded : report::kDeltaFailed,
                               clock_.now_ns(), {{"path", delta.uuid}}));
  if (!is_here && delta.retries > 0) retry_delta(std::move(delta));
  plan_next_check();
}

void Run::retry_delta(Delta delta) {
  --delta.retries;
  const std::string uuid = delta.uuid;
  deltas_.push_front(std::move(delta));
  delta_timer_ = loop_.after(settings_.delta_retry_interval, [this, uuid] {
    delta_timer_ = 0;
    if (is_ending_) return;
    outlets_.submit(report::make(report::kDeltaRetried, clock_.now_ns(),
                                 {{"subroutine", std::string{kSubroutine}}, {"path", uuid}}));
    fetch_delta();
  });
}

}  // namespace samhain::agent
