#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "report/form.h"
#include "server/relay_batch.h"
#include "sink/uplink.h"
#include "spool/spool.h"

namespace samhain::server {

/// What waits for the next server: the relay's spool.  As a sink it takes our own reports, and what
/// came by syslog; those of clients are gathered, and land together when the logs have them.
class RelaySpool final : public sink::Sink {
 public:
  /// Borrows `clock`.  Errors: spool::Spool::open()'s.
  static Result<std::unique_ptr<RelaySpool>> open(spool::Spool::Settings settings, std::string host,
                                                  const base::Clock& clock);

  std::string_view service() const override { return "log server"; }
  std::string object() const override { return uplink_.object(); }
  /// Errors: Busy (a batch is half in the spool: its numbers must follow each other), and
  /// spool::Spool::append()'s.
  Result<void> write(const Report& report) override;
  Result<void> flush() override;

  /// A client's report becomes part of the batch: what the next server gets is a report of class
  /// TCP that nests the client's line.  `log` has it.
  void gather(const Report& report, unsigned log, report::Form form);
  /// With the number that its first report would get now.
  const RelayBatch& batch();
  std::size_t size() const { return size_; }  ///< of the batch, in bytes

  /// The batch goes into the spool and is durable there.  Errors: System; the next call goes on
  /// where this one stopped.
  Result<void> land();
  /// At the start: what a killed process had in its logs and not all in the spool.
  Result<void> land(RelayBatch left);

  /// Called when something new is durable; may be called in the middle of a flush of all sinks.
  void on_stored(std::function<void()> callback) { on_stored_ = std::move(callback); }
  spool::Spool& spool() { return *spool_; }
  std::uint64_t waiting() const { return spool_->next() - spool_->first(); }

 private:
  RelaySpool(std::unique_ptr<spool::Spool> spool, std::string host, const base::Clock& clock);
  Result<void> land_rest();

  std::unique_ptr<spool::Spool> spool_;
  std::function<void()> on_stored_;
  sink::Uplink uplink_;
  RelayBatch batch_;
  std::size_t size_ = 0;
  std::size_t landed_ = 0;        ///< of the batch's reports
  bool is_landing_ = false;       ///< landed_ counts
  std::optional<Error> trouble_;  ///< why it goes on not landing
};

}  // namespace samhain::server
