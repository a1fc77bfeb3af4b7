#include "sys/role.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/wipe.h"
#include "sys/role_process.h"

namespace samhain::sys {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kLongestDelay{30'000};
constexpr std::chrono::seconds kLongLife{60};
constexpr std::chrono::milliseconds kLastBreath{500};  // from the end of its channel to its own end
constexpr std::chrono::milliseconds kDeathBed{2'000};  // then a killed process is left behind
constexpr std::chrono::milliseconds kFarewell{300};    // the same at the end of its parent
constexpr std::uint32_t kLongestMissing = 4'096;

/// Reaps the process whenever it ends at last, while the loop runs.
void leave_behind(Loop& loop, RoleProcess process) {
  const int fd = process.pidfd.release();
  const pid_t pid = process.pid;
  const auto watched = loop.watch(fd, EPOLLIN, [&loop, fd, pid](std::uint32_t) {
    waitpid(pid, nullptr, WNOHANG);
    loop.forget(fd);
    close(fd);
  });
  if (!watched) close(fd);
}

}  // namespace

struct Role::State final : Buried {
  State(Loop& of, Spec what) : loop(of), spec(std::move(what)) {
    rules.assign(spec.rules.begin(), spec.rules.end());
    rules.push_back({kReady, sizeof(std::uint32_t), sizeof(std::uint32_t) + kLongestMissing, 0});
  }

  Loop& loop;
  Spec spec;
  std::vector<Rule> rules;
  RoleProcess process;  // pid 0: reaped or never started
  std::unique_ptr<Channel> channel;
  std::optional<Error> cause;  // of the end, where it is not the process's own status
  SteadyClock::time_point started;
  SteadyClock::time_point killed;  // before `started`: it was not
  std::chrono::milliseconds delay = kFirstDelay;
  Loop::Timer restart_timer = 0;
  Loop::Timer death_timer = 0;
  bool is_ready = false;
  bool is_replaced = false;  // by the parent's wish: no reason to wait longer each time

  Result<void> start();
  void receive(std::uint16_t kind, ByteView payload, std::vector<UniqueFd>& descriptors);
  void take_ready(ByteView payload);
  void lose_channel(const Error& error);
  void fail(const Error& error);
  void kill();
  void reap();
  void abandon();
  void come_down(const Error& error);
  void plan_restart();
  void close();
};

Result<void> Role::State::start() {
  started = SteadyClock::now();
  auto ends = Channel::pair();
  if (!ends) return ends.error();
  auto spawned = spawn_role(spec.name, ends->second.get());
  if (!spawned) return spawned.error();
  ends->second.reset();
  process = std::move(*spawned);
  is_ready = false;
  cause.reset();

  auto opened = Channel::open(
      loop, std::move(ends->first), rules,
      [this](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>& descriptors) {
        receive(kind, payload, descriptors);
      },
      [this](const Error& error) { lose_channel(error); });
  Result<void> watched = opened ? Result<void>{} : opened.error();
  if (watched) {
    watched = loop.watch(process.pidfd.get(), EPOLLIN, [this](std::uint32_t) { reap(); });
  }
  if (!watched) {
    process.kill();
    leave_behind(loop, std::exchange(process, {}));
    return watched.error();
  }
  channel = std::move(*opened);
  Bytes set_up = spec.set_up();
  channel->send_secret(kSetUp, set_up);
  base::wipe(set_up);
  return {};
}

void Role::State::receive(std::uint16_t kind, ByteView payload,
                          std::vector<UniqueFd>& descriptors) {
  if (kind == kReady) return take_ready(payload);
  if (!is_ready) return fail(Error{Error::Kind::Refused, "spoke before it was ready"});
  spec.on_message(kind, payload, descriptors);
}

void Role::State::take_ready(ByteView payload) {
  base::Reader reader{payload};
  const std::string_view missing = reader.text(kLongestMissing);
  if (is_ready || !reader.is_complete()) {
    return fail(Error{Error::Kind::Refused, "announced itself wrongly"});
  }
  is_ready = true;
  if (spec.on_ready) spec.on_ready(missing);
}

/// The channel ended by itself: so will the process, and its status says more than a SIGKILL would.
void Role::State::lose_channel(const Error& error) {
  if (error.kind == Error::Kind::Refused) return fail(error);
  channel.reset();
  if (process.pid == 0) return come_down(cause.value_or(error));
  if (death_timer == 0) death_timer = loop.after(kLastBreath, [this] { kill(); });
}

void Role::State::fail(const Error& error) {
  if (!cause) cause = error;
  channel.reset();
  if (process.pid == 0) return come_down(*cause);
  kill();
}

void Role::State::kill() {
  process.kill();
  killed = SteadyClock::now();
  loop.cancel(death_timer);
  death_timer = loop.after(kDeathBed, [this] { abandon(); });
}

void Role::State::reap() {
  int status = 0;
  if (waitpid(process.pid, &status, WNOHANG) != process.pid) return;
  loop.forget(process.pidfd.get());
  process = {};
  if (!cause) cause = Error{Error::Kind::Missing, status_text(status)};
  // What it said before it ended is still in the channel; its end then brings us down.
  if (!channel) come_down(*cause);
}

/// It was killed and does not die: it hangs inside the kernel (a dead NFS server, say).
void Role::State::abandon() {
  death_timer = 0;
  if (process.pid == 0) return;
  loop.forget(process.pidfd.get());
  leave_behind(loop, std::exchange(process, {}));
  channel.reset();
  come_down(cause.value_or(Error{Error::Kind::Timeout, "killed, but does not end; left behind"}));
}

void Role::State::come_down(const Error& error) {
  loop.cancel(death_timer);
  death_timer = 0;
  is_ready = false;
  if (spec.is_restarted) plan_restart();
  if (spec.on_down) spec.on_down(error.within("role", spec.name));
}

void Role::State::plan_restart() {
  if (SteadyClock::now() - started >= kLongLife) delay = kFirstDelay;
  const bool has_no_fault = std::exchange(is_replaced, false);
  restart_timer = loop.after(has_no_fault ? kFirstDelay : delay, [this] {
    restart_timer = 0;
    if (const auto result = start(); !result) come_down(result.error());
  });
  if (has_no_fault) return;
  delay = std::min(delay * 2, kLongestDelay);
}

void Role::State::close() {
  loop.cancel(restart_timer);
  loop.cancel(death_timer);
  channel.reset();
  if (process.pid == 0) return;
  loop.forget(process.pidfd.get());
  // Many that hang are waited for together, if all were killed before the first is destroyed.
  if (killed < started) kill();
  loop.cancel(death_timer);
  const auto patience =
      std::chrono::ceil<std::chrono::milliseconds>(killed + kFarewell - SteadyClock::now());
  pollfd end{process.pidfd.get(), POLLIN, 0};
  const int patience_ms = static_cast<int>(std::max<std::int64_t>(patience.count(), 0));
  while (poll(&end, 1, patience_ms) < 0 && errno == EINTR) continue;
  if (waitpid(process.pid, nullptr, WNOHANG) == process.pid) return;
  leave_behind(loop, std::move(process));
}

Role::Role(std::unique_ptr<State> state) : state_(std::move(state)) {}

Role::~Role() {
  state_->close();
  Loop& loop = state_->loop;
  loop.bury(std::move(state_));
}

Result<std::unique_ptr<Role>> Role::start(Loop& loop, Spec spec) {
  assert(spec.set_up);
  auto state = std::make_unique<State>(loop, std::move(spec));
  if (const auto result = state->start(); !result) {
    return result.error().within("role", state->spec.name);
  }
  return std::unique_ptr<Role>{new Role{std::move(state)}};
}

bool Role::is_ready() const { return state_->is_ready; }

pid_t Role::pid() const { return state_->channel ? state_->process.pid : 0; }

Channel* Role::channel() { return state_->channel.get(); }

void Role::replace() {
  state_->is_replaced = state_->process.pid != 0;
  restart();
}

void Role::restart() {
  if (state_->process.pid == 0) return;  // down, or its last words are being read
  state_->channel.reset();
  state_->kill();
}

}  // namespace samhain::sys
