#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::sys {

/// What lies in a Loop's grave: state that a handler may still be running in.
struct Buried {
  Buried() = default;
  Buried(const Buried&) = delete;
  Buried& operator=(const Buried&) = delete;
  virtual ~Buried() = default;
};

/// One poll loop over descriptors, timers and signals (epoll(7), signalfd(2)).  A process has one.
/// Handlers may add and remove anything, themselves included, from inside a call.
class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;  ///< EPOLLIN, EPOLLOUT, EPOLLHUP…
  using Callback = std::function<void()>;
  using Timer = std::uint64_t;  ///< never 0

  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Calls `handler` when one of `events` (level-triggered) holds on `fd`, which stays the
  /// caller's.
  Result<void> watch(int fd, std::uint32_t events, Handler handler);
  Result<void> change(int fd, std::uint32_t events);
  void forget(int fd);  ///< before `fd` is closed; does nothing if it is not watched

  /// Calls once, after `delay`.
  Timer after(std::chrono::milliseconds delay, Callback callback);
  /// Calls once, at the end of this round, after the on_round_end() callbacks.
  Timer soon(Callback callback);
  void cancel(Timer timer);  ///< does nothing if it has run

  /// Calls from the loop when `signal` arrives; blocks its default action from now on.
  Result<void> on_signal(int signal, Callback callback);

  /// Calls after each round of events, before the next wait: the place to flush batches.
  void on_round_end(Callback callback);

  /// Destroys `state` at the end of the round, when no handler can be running in it any more: lets
  /// an object that owns handlers die inside one of them.
  void bury(std::unique_ptr<Buried> state);

  void run();   ///< until stop(), and the round it was called in is done
  void stop();  ///< may be called from a handler

 private:
  struct State;
  explicit Loop(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::sys
