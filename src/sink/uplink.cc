#include "sink/uplink.h"

#include <utility>

#include "report/catalog.h"
#include "report/codec.h"

namespace samhain::sink {
namespace {

/// A full spool loses with every report: one line for each would push out yet more.
constexpr std::chrono::seconds kLossPause{60};

}  // namespace

Uplink::Uplink(spool::Spool& spool, std::string host, const base::Clock& clock,
               std::function<void()> on_stored)
    : spool_(spool),
      host_(std::move(host)),
      clock_(clock),
      on_stored_(std::move(on_stored)),
      flushed_(spool.next()) {}

Result<void> Uplink::write(const Report& report) {
  return add(report.severity, report::encode(report));
}

Result<void> Uplink::add(Severity severity, ByteView body) {
  const auto seq = spool_.append(severity, body);
  lost_ += spool_.take_loss().count;
  if (!seq) return seq.error();
  return {};
}

Result<void> Uplink::flush() {
  tell_loss();
  const auto flushed = spool_.flush();
  if (!flushed) return flushed.error();
  const std::uint64_t next = spool_.next();
  if (std::exchange(flushed_, next) != next) on_stored_();
  return {};
}

void Uplink::tell_loss() {
  if (lost_ == 0) return;
  const auto now = clock_.steady();
  if (told_loss_at_ && now - *told_loss_at_ < kLossPause) return;
  const Report report =
      report::make(report::kReportsLost, clock_.now_ns(), {{"count", std::to_string(lost_)}});
  // If there is no room even for this, the count goes on and is told later.
  const auto seq = spool_.append(report.severity, report::encode(report));
  const spool::Spool::Loss loss = spool_.take_loss();
  if (!seq || loss.refused == *seq) {
    lost_ += loss.count - (seq ? 1 : 0);  // this report itself is no loss: another will say it
    return;
  }
  told_loss_at_ = now;
  lost_ = loss.count;
}

}  // namespace samhain::sink
