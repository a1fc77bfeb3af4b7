#include <linux/capability.h>
#include <seccomp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

#include "base/codec.h"
#include "base/die.h"
#include "crypto/prepare.h"
#include "scan/measurer_pool.h"
#include "scan/requests.h"
#include "scan/worker.h"
#include "sys/channel.h"
#include "sys/identity.h"
#include "sys/loop.h"
#include "sys/role.h"
#include "sys/sandbox.h"

namespace samhain::scan {
namespace {

using Clock = std::chrono::steady_clock;

/// Small orders are answered together: a system call and a wake-up of the scanner cost as much as
/// measuring ten files.
constexpr std::chrono::microseconds kRound{200};
/// After so long without an order no directory is kept open.
constexpr std::chrono::seconds kRestAfter{1};

constexpr std::array<std::string_view, 3> kUsers = {"samhain", "daemon", "nobody"};

Result<sys::Barriers> lock_measurer_in() {
  sys::Confinement confinement;
  confinement.role = "measurer";
  if (geteuid() == 0) {
    auto identity = sys::find_identity(kUsers);
    if (!identity) return identity.error();
    confinement.identity = *identity;
    // The second only makes O_NOATIME work on others' files: the system calls that could use it to
    // change anything are gone.
    confinement.capabilities = {CAP_DAC_READ_SEARCH, CAP_FOWNER};
  }
  confinement.may_read_files = true;
  confinement.may_open_read_only = true;
  confinement.system_calls = {SCMP_SYS(statx),      SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
                              SCMP_SYS(lseek),      SCMP_SYS(fchdir),     SCMP_SYS(fgetxattr),
                              SCMP_SYS(flistxattr), SCMP_SYS(lgetxattr),  SCMP_SYS(llistxattr),
                              SCMP_SYS(preadv2),    SCMP_SYS(fadvise64),  SCMP_SYS(pread64)};
  return sys::lock_in(confinement);
}

/// The orders that wait, and the worker that carries them out between two rounds of the loop.
class Measurer {
 public:
  Measurer(sys::Loop& loop, Worker& worker) : loop_(loop), worker_(worker) {}

  void run(UniqueFd fd) {
    auto channel = sys::Channel::open(
        loop_, std::move(fd), rules_for_measurer(),
        [this](std::uint16_t kind, ByteView payload, auto& descriptors) {
          if (kind == kPace) return take_pace(descriptors.front());
          receive(kind, payload);
        },
        [this](const Error&) { loop_.stop(); });
    if (!channel) base::die("measurer: " + channel.error().text());
    channel_ = *std::move(channel);
    loop_.run();
    channel_.reset();
  }
  sys::Channel& channel() { return *channel_; }

 private:
  void take_pace(const UniqueFd& page) {
    auto pace = Pace::open(page);
    if (!pace) base::die("measurer: " + pace.error().text());
    worker_.keep(*std::move(pace));
  }

  void receive(std::uint16_t kind, ByteView payload) {
    if (kind == kForget) return worker_.rest();
    if (kind == kCancel) {
      const auto number = base::Reader(payload).number<std::uint32_t>();
      std::erase_if(waiting_, [&](const Request& request) { return request.number == number; });
      return;
    }
    auto request = decode_request(payload);
    if (!request) base::die("measurer: " + request.error().text());
    waiting_.push_back(*std::move(request));
    plan();
  }

  void plan() {
    if (is_planned_) return;
    is_planned_ = true;
    loop_.soon([this] { work(); });
  }

  void work() {
    is_planned_ = false;
    const auto start = Clock::now();
    while (!waiting_.empty() && Clock::now() - start < kRound) {
      Request request = std::move(waiting_.front());
      waiting_.pop_front();
      worker_.perform(std::move(request));
    }
    channel_->flush();
    if (!waiting_.empty()) return plan();
    loop_.cancel(rest_timer_);
    rest_timer_ = loop_.after(kRestAfter, [this] { worker_.rest(); });
  }

  sys::Loop& loop_;
  Worker& worker_;
  std::unique_ptr<sys::Channel> channel_;
  std::deque<Request> waiting_;
  bool is_planned_ = false;
  sys::Loop::Timer rest_timer_ = 0;
};

}  // namespace

int run_measurer() {
  const auto set_up = sys::receive_set_up();
  if (!set_up) base::die("measurer: " + set_up.error().text());
  const auto told = decode_set_up(*set_up);
  if (!told) base::die("measurer: " + told.error().text());
  auto skipper = policy::Skipper::make(told->skip);
  if (!skipper) base::die("measurer: " + skipper.error().text());
  crypto::prepare();

  Measurer* measurer = nullptr;
  Worker worker({.send = [&](std::uint16_t kind,
                             ByteView payload) { measurer->channel().send(kind, payload); },
                 .flush = [&] { measurer->channel().flush(); }},
                {.deadline = told->deadline}, told->drops_cache);
  if (!told->skip.is_empty()) worker.skip(*std::move(skipper));
  if (told->follows_symlinks) worker.follow_symlinks();
  auto loop = sys::Loop::create();
  if (!loop) base::die("measurer: " + loop.error().text());
  const auto barriers = lock_measurer_in();
  if (!barriers) base::die("measurer: " + barriers.error().text());
  auto fd = sys::announce_ready(barriers->text());
  if (!fd) base::die("measurer: " + fd.error().text());

  Measurer running(**loop, worker);
  measurer = &running;
  running.run(*std::move(fd));
  return 0;
}

}  // namespace samhain::scan
