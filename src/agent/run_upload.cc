// The baseline that init or update wrote, on its way to the server, where it waits for approval.

#include <fmt/format.h>

#include <utility>

#include "agent/run.h"
#include "base/hex.h"
#include "report/catalog.h"

namespace samhain::agent {

namespace {

/// Init waits so long for the server, and as long as the slowest line that we would call one needs.
constexpr std::chrono::seconds kPatienceOfUpload{120};
constexpr std::uint64_t kSlowestLine = 64U << 10;  ///< bytes a second

std::string_view remedy_of(uplink::Delivered::Kind kind, Action action) {
  if (kind == uplink::Delivered::Kind::Refused) {
    return "the server's log says why; AcceptBaselineUpload and SetUploadLimit are in its yulerc";
  }
  if (action == Action::Update) {
    return "the baseline is here and good: copy it to the server by hand";
  }
  return "the baseline is here and good: init again sends it, or copy it to the server by hand";
}

}  // namespace

void Run::upload_baseline() {
  auto written = checks_.take_written();
  if (settings_.server_host.empty() || !written) {
    uplink::Delivered failed;
    failed.reason = "no server is named; SetLogServer names one";
    return conclude_upload(failed, {});
  }
  outlets_.submit(report::make(report::kUploadingBaseline, clock_.now_ns(),
                               {{"path", settings_.baseline_path}}));
  const auto patience = kPatienceOfUpload + std::chrono::seconds{written->size / kSlowestLine};
  upload_timer_ = loop_.after(patience, [this, patience] {
    uplink::Delivered failed;
    failed.reason = fmt::format("the server did not have it within {} s", patience.count());
    conclude_upload(failed, {});
  });
  const Digest digest = written->sha256;
  outlets_.send(
      {std::move(written->file), written->size, written->sha256},
      [this, digest](const uplink::Delivered& delivered) { conclude_upload(delivered, digest); });
}

/// Init is as good as it was: the baseline lies on this host, whatever became of the upload.
void Run::conclude_upload(const uplink::Delivered& delivered, const Digest& digest) {
  if (!owes_upload_) return;
  loop_.cancel(upload_timer_);
  tell_upload(delivered, digest);
  end_once_delivered(kPatienceOfCheck);
}

void Run::tell_upload(const uplink::Delivered& delivered, const Digest& digest) {
  using Kind = uplink::Delivered::Kind;
  owes_upload_ = false;
  const std::int64_t now = clock_.now_ns();
  if (delivered.kind == Kind::Stored) {
    const std::string hash = base::hex(digest);
    return outlets_.submit(
        report::make(report::kBaselineSent, now,
                     {{"path", settings_.baseline_path},
                      {"hash", hash},
                      {"remedy", fmt::format("on the server: yulectl baseline approve {}",
                                             outlets_.known_as(settings_))}}));
  }
  const bool is_refused = delivered.kind == Kind::Refused;
  outlets_.submit(
      report::make(report::kBaselineNotSent, now,
                   {{"path", settings_.baseline_path},
                    {"reason", is_refused ? "the server does not want it" : delivered.reason},
                    {"remedy", std::string{remedy_of(delivered.kind, settings_.action)}}}));
}

}  // namespace samhain::agent
