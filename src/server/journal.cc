#include "server/journal.h"

namespace samhain::server {
namespace {

/// A batch larger than this is flushed at once: a log keeps no more than sink::kMaxPending.
constexpr std::size_t kFullBatch = 4U << 20;

}  // namespace

Result<void> Journal::open() {
  auto log = sink::LogFile::open(unopened_);
  if (!log) return log.error();
  auto ledger = Ledger::open(unopened_.path + ".ledger", unopened_.path);
  if (!ledger) return ledger.error();
  log_ = std::move(*log);
  ledger_ = std::move(*ledger);
  return relay_ == nullptr ? relay_to_nobody() : relay_to(*relay_);
}

Result<void> Journal::write(const Report& report) {
  const bool is_of_client = !report.client.empty();
  if (!log_) return why_;
  sink::LogFile& log = is_of_client && target_ != 0 ? separate_.at(target_) : *log_;
  auto written = log.write(report);
  if (written && is_of_client) {
    ++gathered_;
    has_client_reports_ = true;
  }
  return written;
}

Result<void> Journal::aim(const std::string& client) {
  target_ = 0;
  if (!log_) return {};  // write() says why
  if (names_.empty() && targets_.empty()) return {};
  if (const auto chosen = targets_.find(client); chosen != targets_.end()) {
    target_ = chosen->second;
    return {};
  }
  const auto name = names_.find(client);
  auto taken = name == names_.end() ? Result<unsigned>{0U} : separate_.take(name->second);
  target_ = taken ? *taken : 0;
  targets_.emplace(client, target_);
  if (taken) {
    troubles_.erase(client);
    return {};
  }
  if (!troubles_.insert(client).second) return {};
  return taken.error().within("log file", log_->object() + "." + name->second);
}

Result<void> Journal::relay_to(RelaySpool& relay) {
  relay_ = &relay;
  if (!ledger_) return {};  // when it is open
  auto left = ledger_->left();
  if (!left) return {};
  if (auto landed = relay.land(std::move(*left)); !landed) return landed;
  ledger_->hand_on();
  return {};
}

Result<void> Journal::relay_to_nobody() {
  if (!ledger_ || !ledger_->left()) return {};
  ledger_->hand_on();
  return ledger_->compact();
}

void Journal::forward(const Report& report) {
  if (relay_ != nullptr) relay_->gather(report, target_, form_);
}

bool Journal::wants_flush() const {
  if (!log_) return false;
  if (relay_ != nullptr && relay_->size() > kFullBatch) return true;
  return separate_.is_full() || log_->pending() + separate_.pending() > kFullBatch;
}

Result<void> Journal::flush() {
  if (!log_) {
    auto opened = open();
    has_failed_ = !opened;
    if (!opened) why_ = opened.error();
    return opened;
  }
  const bool is_idle = log_->pending() == 0 && !has_client_reports_;
  auto committed = is_idle ? Result<void>{} : commit();
  has_failed_ = !committed;
  // The logs work: it is the relay's spool that tells what is wrong with it.
  if (!committed && has_logged_) return {};
  if (committed && ledger_->wants_compaction()) return ledger_->compact();
  return committed;
}

Result<void> Journal::commit() {
  const bool is_new_batch = has_client_reports_ && !has_logged_;
  if (auto logged = is_new_batch ? log_batch() : log_->commit(); !logged) return logged;
  if (!has_client_reports_) return {};
  has_logged_ = true;
  if (relay_ != nullptr) {
    if (auto landed = relay_->land(); !landed) return landed;
    ledger_->hand_on();
  }
  has_client_reports_ = has_logged_ = false;
  return {};
}

Result<void> Journal::log_batch() {
  std::vector<sink::Landing> landings;
  for (unsigned i = 0; i <= separate_.count(); ++i) {
    const auto landing = i == 0 ? log_->landing() : separate_.at(i).landing();
    if (!landing) return landing.error();
    landings.push_back(*landing);
  }
  if (auto intended = ledger_->intend(landings, relay_ == nullptr ? nullptr : &relay_->batch());
      !intended)
    return intended;
  if (auto committed = commit_all(); !committed) return committed;
  ledger_->stand();
  separate_.end_batch();
  targets_.clear();
  return {};
}

/// Where one fails, those before it are written: they land empty when the batch is tried again, so
/// that their numbers count by that intent, too.
Result<void> Journal::commit_all() {
  if (auto committed = log_->commit(); !committed) return committed;
  for (unsigned i = 1; i <= separate_.count(); ++i) {
    if (auto committed = separate_.at(i).commit(); !committed) return committed;
  }
  return {};
}

Result<void> Journal::follow_rotation() {
  separate_.close_idle();
  return log_ ? log_->follow_rotation() : Result<void>{};
}

void Journal::adjust(const report::Layout& layout, const std::vector<uid_t>& trusted) {
  form_ = layout.form;
  if (log_) {
    log_->adjust(layout, trusted);
  } else {
    unopened_.layout = layout;
    unopened_.trusted = trusted;
  }
  separate_.adjust(layout, trusted);
}

}  // namespace samhain::server
