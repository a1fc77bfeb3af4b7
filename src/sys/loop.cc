#include "sys/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace samhain::sys {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kEventsAtOnce = 256;

struct Watch final : Buried {
  explicit Watch(Loop::Handler chosen) : handler(std::move(chosen)) {}
  Loop::Handler handler;
  bool is_forgotten = false;
};

}  // namespace

struct Loop::State {
  UniqueFd epoll;
  UniqueFd signals;
  sigset_t signal_mask{};
  std::map<int, Callback> signal_callbacks;

  std::unordered_map<int, std::unique_ptr<Watch>> watches;
  /// What died in this round.  Its memory stays, so that an event already fetched for a forgotten
  /// descriptor is recognised and never reaches a new one with the same number.
  std::vector<std::unique_ptr<Buried>> grave;

  std::map<std::pair<SteadyClock::time_point, Timer>, Callback> timers;
  std::unordered_map<Timer, SteadyClock::time_point> due_times;
  std::vector<std::pair<Timer, Callback>> soon_calls;
  Timer last_timer = 0;

  std::vector<Callback> round_end_callbacks;
  bool is_stopped = false;

  int wait_ms() const;
  void dispatch_events(int timeout_ms);
  void run_timers();
  void end_round();
  void read_signals();
};

int Loop::State::wait_ms() const {
  if (!soon_calls.empty()) return 0;
  if (timers.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers.begin()->first.first -
                                                                 SteadyClock::now());
  // A timer far away is only waited for in parts.
  constexpr std::int64_t kLongest = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kLongest));
}

void Loop::State::dispatch_events(int timeout_ms) {
  std::array<epoll_event, kEventsAtOnce> events{};
  const int count = epoll_wait(epoll.get(), events.data(), kEventsAtOnce, timeout_ms);
  assert(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto* watch = static_cast<Watch*>(event.data.ptr);
    if (!watch->is_forgotten) watch->handler(event.events);
  }
}

void Loop::State::run_timers() {
  // Timers set from here on wait for the next round, or a timer that sets itself again for "at
  // once" would keep everything else out.
  const auto now = SteadyClock::now();
  const Timer newest = last_timer;
  auto next = timers.begin();
  while (next != timers.end() && next->first.first <= now) {
    if (next->first.second > newest) {
      ++next;
      continue;
    }
    const Callback callback = std::move(next->second);
    due_times.erase(next->first.second);
    timers.erase(next);
    callback();
    next = timers.begin();
  }
}

void Loop::State::end_round() {
  // By index: a callback may add another.  By copy: the vector may move then.
  for (std::size_t i = 0; i < round_end_callbacks.size(); ++i) {
    const Callback callback = round_end_callbacks[i];
    callback();
  }
  // What these calls add runs in the next round.  Each one is taken out only when its turn comes,
  // so that it can still be cancelled by an earlier one.
  const Timer newest = last_timer;
  while (!soon_calls.empty() && soon_calls.front().first <= newest) {
    const Callback callback = std::move(soon_calls.front().second);
    soon_calls.erase(soon_calls.begin());
    callback();
  }
  while (!grave.empty()) {
    const std::vector<std::unique_ptr<Buried>> dying = std::exchange(grave, {});
  }
}

void Loop::State::read_signals() {
  signalfd_siginfo info{};
  while (read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const auto found = signal_callbacks.find(static_cast<int>(info.ssi_signo));
    if (found == signal_callbacks.end()) continue;
    const Callback callback = found->second;
    callback();
  }
}

Loop::Loop(std::unique_ptr<State> state) : state_(std::move(state)) {}

Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::create() {
  auto state = std::make_unique<State>();
  state->epoll = UniqueFd{epoll_create1(EPOLL_CLOEXEC)};
  if (!state->epoll) return system_error("epoll_create1", errno);
  sigemptyset(&state->signal_mask);
  state->signals = UniqueFd{signalfd(-1, &state->signal_mask, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!state->signals) return system_error("signalfd", errno);

  std::unique_ptr<Loop> loop{new Loop{std::move(state)}};
  State* inner = loop->state_.get();
  const auto watched =
      loop->watch(inner->signals.get(), EPOLLIN, [inner](std::uint32_t) { inner->read_signals(); });
  if (!watched) return watched.error();
  return loop;
}

Result<void> Loop::watch(int fd, std::uint32_t events, Handler handler) {
  assert(!state_->watches.contains(fd));  // a descriptor was closed without forget()
  auto watch = std::make_unique<Watch>(std::move(handler));
  epoll_event event{};
  event.events = events;
  event.data.ptr = watch.get();
  if (epoll_ctl(state_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return system_error("epoll_ctl", errno);
  }
  state_->watches[fd] = std::move(watch);
  return {};
}

Result<void> Loop::change(int fd, std::uint32_t events) {
  const auto found = state_->watches.find(fd);
  assert(found != state_->watches.end());
  epoll_event event{};
  event.events = events;
  event.data.ptr = found->second.get();
  if (epoll_ctl(state_->epoll.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    return system_error("epoll_ctl", errno);
  }
  return {};
}

void Loop::forget(int fd) {
  const auto found = state_->watches.find(fd);
  if (found == state_->watches.end()) return;
  // It can only fail for a descriptor that is closed already, which epoll forgot by itself.
  epoll_ctl(state_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  found->second->is_forgotten = true;
  bury(std::move(found->second));
  state_->watches.erase(found);
}

Loop::Timer Loop::after(std::chrono::milliseconds delay, Callback callback) {
  const Timer timer = ++state_->last_timer;
  const auto due = SteadyClock::now() + delay;
  state_->timers.emplace(std::pair{due, timer}, std::move(callback));
  state_->due_times.emplace(timer, due);
  return timer;
}

Loop::Timer Loop::soon(Callback callback) {
  const Timer timer = ++state_->last_timer;
  state_->soon_calls.emplace_back(timer, std::move(callback));
  return timer;
}

void Loop::cancel(Timer timer) {
  const auto found = state_->due_times.find(timer);
  if (found != state_->due_times.end()) {
    state_->timers.erase({found->second, timer});
    state_->due_times.erase(found);
    return;
  }
  std::erase_if(state_->soon_calls, [timer](const auto& call) { return call.first == timer; });
}

Result<void> Loop::on_signal(int signal, Callback callback) {
  sigset_t one{};
  sigemptyset(&one);
  sigaddset(&one, signal);
  if (sigprocmask(SIG_BLOCK, &one, nullptr) != 0) return system_error("sigprocmask", errno);
  sigaddset(&state_->signal_mask, signal);
  if (signalfd(state_->signals.get(), &state_->signal_mask, 0) < 0) {
    return system_error("signalfd", errno);
  }
  state_->signal_callbacks[signal] = std::move(callback);
  return {};
}

void Loop::on_round_end(Callback callback) {
  state_->round_end_callbacks.push_back(std::move(callback));
}

void Loop::bury(std::unique_ptr<Buried> state) { state_->grave.push_back(std::move(state)); }

void Loop::run() {
  while (!state_->is_stopped) {
    state_->dispatch_events(state_->wait_ms());
    state_->run_timers();
    state_->end_round();
  }
  state_->is_stopped = false;
}

void Loop::stop() { state_->is_stopped = true; }

}  // namespace samhain::sys
