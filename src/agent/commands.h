#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "wire/messages.h"

namespace samhain::agent {

/// Commands of administrators, as they come with acknowledgements (docs/protocol.md section 5).
/// Each is done once, whatever happens to the server, the connection or this process meanwhile:
/// its number is on the disk before it is done.  Each is confirmed by a report; one that the server
/// sends although its confirmation was acknowledged is confirmed again.
class Commands {
 public:
  /// Why not; nothing: it is done, or will be from the loop.
  using Refusal = std::optional<std::string>;
  struct Actions {
    std::function<Refusal()> reload;
    std::function<Refusal()> scan;
    std::function<Refusal()> stop;
    std::function<Refusal(std::string_view uuid)> delta;
  };
  /// Where confirmations go.
  struct Confirmations {
    /// Durable when it returns, whatever the thresholds; its number in the spool.
    std::function<std::uint64_t(const Report&)> send;
    std::function<bool(std::uint64_t seq)> is_acknowledged;
  };
  using OnReport = std::function<void(const Report&)>;

  Commands(const base::Clock& clock, Actions actions, Confirmations confirmations,
           OnReport on_report)
      : clock_(clock),
        actions_(std::move(actions)),
        confirmations_(std::move(confirmations)),
        on_report_(std::move(on_report)) {}

  /// The last number taken is kept in `directory`, the spool's; read anew, for another process may
  /// have had the spool meanwhile.
  void open(const std::string& directory);

  /// What an acknowledgement carried.  A server that sends ever new ones gets kMostPerMinute of
  /// them taken: each one fills log and spool.
  void take(const std::vector<wire::Command>& commands);
  static constexpr unsigned kMostPerMinute = 60;

 private:
  void take(const wire::Command& command);
  bool may_take_another();
  Result<void> remember(std::uint64_t id);
  Refusal carry_out(std::string_view words) const;
  void confirm(const wire::Command& command, const Refusal& refusal);

  const base::Clock& clock_;
  Actions actions_;
  Confirmations confirmations_;
  OnReport on_report_;
  std::string path_;
  std::uint64_t last_ = 0;
  bool has_told_failure_ = false;
  std::map<std::uint64_t, std::uint64_t> confirmed_;  ///< by this process: command, spool's number
  std::chrono::steady_clock::time_point minute_began_{};
  unsigned taken_ = 0;  ///< in this minute
};

}  // namespace samhain::agent
