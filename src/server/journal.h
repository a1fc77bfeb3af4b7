#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/ledger.h"
#include "server/relay_spool.h"
#include "server/separate_logs.h"
#include "sink/log_file.h"

namespace samhain::server {

/// The log files and their ledger as one sink, so that no batch with clients' reports reaches a log
/// without its intent in the ledger before (docs/architecture.md, section Exactly once).
class Journal final : public sink::Sink {
 public:
  Journal(std::unique_ptr<sink::LogFile> log, std::unique_ptr<Ledger> ledger)
      : log_(std::move(log)), ledger_(std::move(ledger)), separate_({log_->object(), {}, {}}) {}
  /// One that cannot be opened yet, for the reason `why`: what is written is missed, has_failed(),
  /// there is no ledger(), and each flush() tries again.
  Journal(sink::LogFile::Settings settings, Error why)
      : unopened_(std::move(settings)),
        why_(std::move(why)),
        separate_({unopened_.path, {}, {}}),
        has_failed_(true) {}

  std::string_view service() const override { return "logfile"; }
  std::string object() const override { return log_ ? log_->object() : unopened_.path; }
  /// A client's report goes to the log that aim() chose last.
  Result<void> write(const Report& report) override;
  Result<void> flush() override;
  std::vector<Report> explain(const Error& error, std::int64_t time_ns) const override {
    return log_ ? log_->explain(error, time_ns)
                : sink::LogFile::explain_failure(unopened_, error, time_ns);
  }

  /// Clients' reports go to logs of these names from the next batch on; none: to the main log.
  void separate(LogNames names) { names_ = std::move(names); }
  /// The next report is one of `client` (full name): which log is its?  The same within a batch,
  /// whatever happens.  Errors, each told once until it works again: its own log cannot be opened,
  /// and the main one takes its place.
  Result<void> aim(const std::string& client);
  /// The report of the client that was aimed at has the number before `next`, and is in the batch.
  void advance(const std::string& client, const wire::Id& spool, std::uint64_t next) {
    ledger_->advance(client, spool, next, target_);
  }

  /// The batch has a client's report that no line is written of (UseClientSeverity,
  /// UseClientClass): its number counts as those of the others do.
  void pass_over() { has_client_reports_ = true; }
  /// What clients say goes on to the spool for the next server, from now on.  First what a killed
  /// process left undone.  Errors: RelaySpool::land()'s.
  Result<void> relay_to(RelaySpool& relay);
  /// There is no next server (any more).  Errors: Ledger::compact()'s.
  Result<void> relay_to_nobody();
  /// The report of the client that was aimed at is in the batch, and is to go on.
  void forward(const Report& report);

  /// So much is gathered that it should be flushed before more is taken.
  bool wants_flush() const;

  /// Logs that were moved away are begun anew.  Errors: System, Refused.
  Result<void> follow_rotation();
  void adjust(const report::Layout& layout, const std::vector<uid_t>& trusted);

  bool is_open() const { return log_ != nullptr; }
  Ledger& ledger() { return *ledger_; }
  const Ledger& ledger() const { return *ledger_; }
  /// Reports of clients taken by write() so far: a report that is not counted was not taken.
  std::uint64_t gathered() const { return gathered_; }
  /// The last flush failed: what was gathered is not durable.
  bool has_failed() const { return has_failed_; }
  /// All that was gathered of clients is durable.
  bool is_settled() const { return !has_client_reports_; }

 private:
  Result<void> open();
  Result<void> commit();
  Result<void> log_batch();
  Result<void> commit_all();
  sink::LogFile::Settings unopened_;
  Error why_{Error::Kind::Missing, {}};
  std::unique_ptr<sink::LogFile> log_;
  std::unique_ptr<Ledger> ledger_;
  RelaySpool* relay_ = nullptr;
  report::Form form_ = report::Form::Guide;  ///< of what is forwarded
  SeparateLogs separate_;
  LogNames names_;
  std::map<std::string, unsigned> targets_;  ///< of the clients in this batch
  std::set<std::string> troubles_;           ///< whose log could not be opened, told already
  unsigned target_ = 0;
  std::uint64_t gathered_ = 0;
  bool has_client_reports_ = false;
  bool has_logged_ = false;  ///< these are in the logs, and not yet in the relay's spool
  bool has_failed_ = false;
};

}  // namespace samhain::server
