// The role `syslog`: reads packets of the syslog protocol from anybody, and holds nothing.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/die.h"
#include "server/role_process.h"
#include "server/syslog_requests.h"
#include "sys/role.h"
#include "sys/socket.h"

namespace samhain::server {
namespace {

using Time = std::chrono::steady_clock::time_point;

/// Anybody can send: so much of it reaches the log in the long run, and so much at once.
constexpr double kPacketsPerSecond = 200;
constexpr double kBurst = 1'000;

constexpr int kAtOnce = 64;
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kTellingPause{60};
constexpr std::chrono::seconds kPauseAfterError{2};

class Receiver {
 public:
  void open(RoleProcess& process) {
    loop_ = process.loop.get();
    keeper_ = process.keeper.get();
    tick_later();
  }

  /// False for a message that the keeper never sends.
  bool take(std::uint16_t kind, std::vector<UniqueFd>& descriptors) {
    if (kind != kListen || descriptors.size() != 1) return false;
    sockets_.push_back(std::move(descriptors.front()));
    return watch(sockets_.back().get());
  }

 private:
  bool watch(int fd) {
    return static_cast<bool>(loop_->watch(fd, EPOLLIN, [this, fd](std::uint32_t) { receive(fd); }));
  }

  void receive(int fd) {
    std::array<std::uint8_t, kMaxSyslogPacket> buffer{};
    for (int i = 0; i < kAtOnce; ++i) {
      sockaddr_storage from{};
      iovec part{buffer.data(), buffer.size()};
      msghdr message{};
      message.msg_name = &from;
      message.msg_namelen = sizeof from;
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);
      if (size < 0) return note_error(fd, errno);
      const auto peer =
          sys::Address::from(reinterpret_cast<const sockaddr*>(&from), message.msg_namelen);
      if (peer) pass_on(*peer, ByteView{buffer}.first(static_cast<std::size_t>(size)));
    }
  }

  void note_error(int fd, int error) {
    if (error == EAGAIN || error == EINTR) return;
    base::Writer writer;
    writer.number(static_cast<std::uint32_t>(error));
    keeper_->send(kBroken, writer.view());
    loop_->forget(fd);
    loop_->after(kPauseAfterError, [this, fd] { (void)watch(fd); });
  }

  void pass_on(const sys::Address& peer, ByteView bytes) {
    if (!may_pass()) {
      ++dropped_;
      return;
    }
    const SyslogPacket packet = parse_syslog(bytes);
    base::Writer writer;
    writer.text(peer.text()).number(packet.facility).number(packet.priority).text(packet.text);
    keeper_->send(kPacket, writer.view());
  }

  bool may_pass() {
    const Time now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - filled_at_;
    filled_at_ = now;
    tokens_ = std::min(kBurst, tokens_ + passed.count() * kPacketsPerSecond);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  void tick_later() {
    loop_->after(kTick, [this] {
      tell_dropped();
      tick_later();
    });
  }

  /// At once after a quiet minute, then once a minute.
  void tell_dropped() {
    const Time now = std::chrono::steady_clock::now();
    if (dropped_ == 0 || (has_told_ && now - told_at_ < kTellingPause)) return;
    base::Writer writer;
    writer.number(std::exchange(dropped_, 0));
    keeper_->send(kDropped, writer.view());
    told_at_ = now;
    has_told_ = true;
  }

  sys::Loop* loop_ = nullptr;
  sys::Channel* keeper_ = nullptr;
  std::vector<UniqueFd> sockets_;
  double tokens_ = kBurst;
  Time filled_at_ = std::chrono::steady_clock::now();
  std::uint64_t dropped_ = 0;
  Time told_at_{};
  bool has_told_ = false;
};

}  // namespace

int run_syslog() {
  if (auto set_up = sys::receive_set_up(); !set_up) base::die(set_up.error().text());
  Receiver receiver;
  sys::Confinement confinement;
  confinement.role = "syslog";
  confinement.has_empty_root = true;
  confinement.may_share_user = true;
  RoleProcess process;
  process = enter_role(confinement, kToSyslog,
                       [&](std::uint16_t kind, ByteView, std::vector<UniqueFd>& descriptors) {
                         if (!receiver.take(kind, descriptors)) process.loop->stop();
                       });
  receiver.open(process);
  process.loop->run();
  return 0;
}

}  // namespace samhain::server
