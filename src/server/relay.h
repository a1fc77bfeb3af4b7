#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/notices.h"
#include "server/relay_spool.h"
#include "server/settings.h"
#include "sys/loop.h"
#include "uplink/link.h"
#include "uplink/password.h"

namespace samhain::server {

/// The password that the next server knows us by: of SetPasswordFile, else the one in this program,
/// which can be taken once.
Result<uplink::Password> relay_password_of(const RelaySettings& settings);

/// The way from the relay's spool to the next server.
class Relay {
 public:
  struct Hooks {
    std::function<void(std::string_view missing_barriers)> on_ready;  ///< of the courier
    std::function<void(const Error& why)> on_down;
  };
  /// Borrows all but the last three.  Errors: System (no process could be started).
  static Result<std::unique_ptr<Relay>> start(sys::Loop& loop, const base::Clock& clock,
                                              Notices& notices, RelaySpool& spool,
                                              const uplink::Password& password,
                                              const RelaySettings& settings, std::string own_name,
                                              Hooks hooks);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  bool is_ready() const { return link_->is_ready(); }
  /// Calls `then` from the loop when the next server has everything, does not answer, or
  /// kPatienceAtEnd is over.  Nothing is told any more.
  void deliver_last(sys::Loop::Callback then);
  static constexpr std::chrono::milliseconds kPatienceAtEnd{2'000};

 private:
  Relay(sys::Loop& loop, Notices& notices, RelaySpool& spool)
      : loop_(loop), notices_(notices), spool_(spool) {}
  void wake_soon();
  void end_when_delivered();
  void end();

  sys::Loop& loop_;
  Notices& notices_;
  RelaySpool& spool_;
  std::unique_ptr<uplink::Link> link_;
  sys::Loop::Callback then_;
  sys::Loop::Timer patience_ = 0;
  bool is_waking_ = false;
  bool is_ending_ = false;
};

}  // namespace samhain::server
