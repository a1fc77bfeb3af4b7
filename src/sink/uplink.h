#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "samhain/bytes.h"
#include "sink/dispatcher.h"
#include "spool/spool.h"

namespace samhain::sink {

/// The way to the log server: each report is encoded once and put into the spool; who sends from
/// there is told when there is something new and durable.  What a full spool lost is told to the
/// server by a report with the count, at most one a minute.
class Uplink final : public Sink {
 public:
  /// `on_stored` is called from flush(), when reports that were not durable before now are.
  /// `spool` and `clock` are borrowed.
  Uplink(spool::Spool& spool, std::string host, const base::Clock& clock,
         std::function<void()> on_stored);

  std::string_view service() const override { return "log server"; }
  std::string object() const override { return host_; }
  Result<void> write(const Report& report) override;
  /// The same for a report that is encoded already; `severity` says what goes first when the spool
  /// is full.
  Result<void> add(Severity severity, ByteView body);
  Result<void> flush() override;

 private:
  void tell_loss();

  spool::Spool& spool_;
  std::string host_;
  const base::Clock& clock_;
  std::function<void()> on_stored_;
  std::uint64_t lost_ = 0;
  std::uint64_t flushed_ = 0;  ///< numbers below are durable
  std::optional<std::chrono::steady_clock::time_point> told_loss_at_;
};

}  // namespace samhain::sink
