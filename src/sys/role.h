#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "sys/channel.h"
#include "sys/loop.h"

namespace samhain::sys {

/// Message kinds that every role's channel has, below the role's own (which start at 16).
inline constexpr std::uint16_t kSetUp = 1;  ///< to the role, first: what it needs to know
inline constexpr std::uint16_t kReady =
    2;  ///< from the role: locked in; text: what is missing, or ""

/// The descriptor on which a role finds its channel.
inline constexpr int kRoleChannel = 3;

/// A process of this same program, executed again with `--role=NAME` as its only argument, an
/// environment of TZ alone, and its channel on kRoleChannel; watched, and started again when it
/// dies.
class Role {
 public:
  struct Spec {
    std::string name = {};
    std::span<const Rule> rules = {};    ///< what is accepted from it, kReady included by Role
    std::function<Bytes()> set_up = {};  ///< payload of kSetUp, at each start; wiped after it
    Channel::OnMessage on_message = {};  ///< its own kinds only
    std::function<void(std::string_view missing_barriers)> on_ready = {};
    std::function<void(const Error&)> on_down = {};  ///< died or broke a rule; a restart is planned
    bool is_restarted = true;                        ///< false for short-lived helpers
  };

  /// Starts the process now; it becomes ready later, from the loop.
  /// The delay before a restart is 100 ms, doubles up to 30 s, and falls back after a minute of
  /// life.
  static Result<std::unique_ptr<Role>> start(Loop& loop, Spec spec);
  ~Role();  ///< kills it (SIGKILL) and reaps it; one that hangs in the kernel is left to the loop
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  bool is_ready() const;
  pid_t pid() const;   ///< 0 while it is down
  Channel* channel();  ///< null while it is down
  void restart();      ///< kills it now; it comes back as after a death
  void replace();      ///< the same for one that is only slow: after the shortest delay, every time

 private:
  struct State;
  explicit Role(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// In the child: the name after `--role=`, or nothing in an ordinary call.
std::optional<std::string> role_asked_for(int argc, char** argv);

/// In the child: opens the channel on kRoleChannel, waits for kSetUp and returns its payload.
/// The process must then lock itself in and call announce_ready().
/// Errors: Refused (not started by our parent), Malformed.
Result<Bytes> receive_set_up();

/// In the child: sends kReady on the raw channel, then returns the descriptor to open it with.
Result<UniqueFd> announce_ready(std::string_view missing_barriers);

}  // namespace samhain::sys
