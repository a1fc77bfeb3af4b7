#include "server/journal.h"

namespace samhain::server {

void Journal::adjust(report::Form form, std::vector<uid_t> trusted) {
  if (log_) return log_->adjust(form, std::move(trusted));
  unopened_.form = form;
  unopened_.trusted = std::move(trusted);
}

Result<void> Journal::open() {
  auto log = sink::LogFile::open(unopened_);
  if (!log) return log.error();
  auto ledger = Ledger::open(unopened_.path + ".ledger", unopened_.path);
  if (!ledger) return ledger.error();
  log_ = std::move(*log);
  ledger_ = std::move(*ledger);
  return {};
}

Result<void> Journal::write(const Report& report) {
  if (!log_) return why_;
  auto written = log_->write(report);
  if (written && !report.client.empty()) {
    ++gathered_;
    has_client_reports_ = true;
  }
  return written;
}

Result<void> Journal::flush() {
  if (!log_) {
    auto opened = open();
    has_failed_ = !opened;
    if (!opened) why_ = opened.error();
    return opened;
  }
  auto committed = log_->pending() == 0 ? Result<void>{} : commit();
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
