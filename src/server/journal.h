#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "server/ledger.h"
#include "sink/log_file.h"

namespace samhain::server {

/// The log file and its ledger as one sink, so that no batch with clients' reports reaches the log
/// without its intent in the ledger before (docs/architecture.md, section Exactly once).
class Journal final : public sink::Sink {
 public:
  Journal(std::unique_ptr<sink::LogFile> log, std::unique_ptr<Ledger> ledger)
      : log_(std::move(log)), ledger_(std::move(ledger)) {}

  std::string_view service() const override { return log_->service(); }
  std::string object() const override { return log_->object(); }
  Result<void> write(const Report& report) override;
  Result<void> flush() override;
  std::vector<Report> explain(const Error& error, std::int64_t time_ns) const override {
    return log_->explain(error, time_ns);
  }

  /// A log that was moved away is begun anew.  Errors: System, Refused.
  Result<void> follow_rotation() { return log_->follow_rotation(); }

  void adjust(report::Layout layout, std::vector<uid_t> trusted) {
    log_->adjust(std::move(layout), std::move(trusted));
  }

  /// The batch has a client's report that no line is written of (UseClientSeverity,
  /// UseClientClass): its number counts as those of the others do.
  void pass_over() { has_client_reports_ = true; }

  Ledger& ledger() { return *ledger_; }
  const Ledger& ledger() const { return *ledger_; }
  std::size_t pending() const { return log_->pending(); }
  /// Reports of clients taken by write() so far: a report that is not counted was not taken.
  std::uint64_t gathered() const { return gathered_; }
  /// The last flush failed: what was gathered is not durable.
  bool has_failed() const { return has_failed_; }
  /// All that was gathered of clients is durable.
  bool is_settled() const { return !has_client_reports_; }

 private:
  Result<void> commit();
  std::unique_ptr<sink::LogFile> log_;
  std::unique_ptr<Ledger> ledger_;
  std::uint64_t gathered_ = 0;
  bool has_client_reports_ = false;
  bool has_failed_ = false;
};

}  // namespace samhain::server
