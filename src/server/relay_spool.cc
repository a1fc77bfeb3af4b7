#include "server/relay_spool.h"

#include <algorithm>
#include <utility>

#include "report/codec.h"

namespace samhain::server {
namespace {

Report nest(const Report& report, report::Form form) {
  Report own = report;
  own.client.clear();
  Report nested;
  nested.severity = Severity::Inet;
  nested.event_class = EventClass::Tcp;
  nested.time_ns = report.arrival_ns;
  nested.fields = {{"client", report.client}, {"msg", report::line_of(own, form)}};
  return nested;
}

}  // namespace

RelaySpool::RelaySpool(std::unique_ptr<spool::Spool> spool, std::string host,
                       const base::Clock& clock)
    : spool_(std::move(spool)), uplink_(*spool_, std::move(host), clock, [this] {
        if (on_stored_) on_stored_();
      }) {}

Result<std::unique_ptr<RelaySpool>> RelaySpool::open(spool::Spool::Settings settings,
                                                     std::string host, const base::Clock& clock) {
  auto spool = spool::Spool::open(std::move(settings));
  if (!spool) return spool.error();
  return std::unique_ptr<RelaySpool>(new RelaySpool(std::move(*spool), std::move(host), clock));
}

Result<void> RelaySpool::write(const Report& report) {
  if (!report.client.empty()) return {};
  if (is_landing_) return Error{Error::Kind::Busy, "the spool takes nothing"};
  return uplink_.write(report);
}

Result<void> RelaySpool::flush() {
  if (trouble_) return *trouble_;
  return uplink_.flush();
}

void RelaySpool::gather(const Report& report, unsigned log, report::Form form) {
  RelayBatch::Item item;
  item.log = log;
  // In a full spool the least important goes first: nothing that a client says outranks an alert.
  item.severity = std::min(report.severity, Severity::Alert);
  item.body = report::encode(nest(report, form));
  size_ += item.body.size();
  batch_.items.push_back(std::move(item));
}

const RelayBatch& RelaySpool::batch() {
  batch_.spool = spool_->id();
  batch_.first = spool_->next();
  return batch_;
}

Result<void> RelaySpool::land() {
  is_landing_ = true;
  auto landed = land_rest();
  trouble_.reset();
  if (!landed) trouble_ = landed.error();
  is_landing_ = !landed;
  return landed;
}

Result<void> RelaySpool::land_rest() {
  while (landed_ < batch_.items.size()) {
    const RelayBatch::Item& item = batch_.items[landed_];
    if (auto added = uplink_.add(item.severity, item.body); !added) return added;
    ++landed_;
  }
  if (auto flushed = uplink_.flush(); !flushed) return flushed;
  batch_.items.clear();
  size_ = landed_ = 0;
  return {};
}

Result<void> RelaySpool::land(RelayBatch left) {
  // Another spool than before has none of them.
  const bool may_have_some = left.has_begun && left.spool == spool_->id();
  if (may_have_some && spool_->next() > left.first) {
    const std::uint64_t given = spool_->next() - left.first;
    landed_ = static_cast<std::size_t>(std::min<std::uint64_t>(given, left.items.size()));
  }
  batch_ = std::move(left);
  return land();
}

}  // namespace samhain::server
