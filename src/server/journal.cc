#include "server/journal.h"

namespace samhain::server {

Result<void> Journal::write(const Report& report) {
  auto written = log_->write(report);
  if (written && !report.client.empty()) {
    ++gathered_;
    has_client_reports_ = true;
  }
  return written;
}

Result<void> Journal::flush() {
  const bool is_idle = log_->pending() == 0 && !has_client_reports_;
  auto committed = is_idle ? Result<void>{} : commit();
  has_failed_ = !committed;
  if (committed && ledger_->wants_compaction()) return ledger_->compact();
  return committed;
}

Result<void> Journal::commit() {
  if (!has_client_reports_) return log_->commit();
  const auto landing = log_->landing();
  if (!landing) return landing.error();
  if (auto intended = ledger_->intend(*landing); !intended) return intended;
  if (auto committed = log_->commit(); !committed) return committed;
  ledger_->stand();
  has_client_reports_ = false;
  return {};
}

}  // namespace samhain::server
