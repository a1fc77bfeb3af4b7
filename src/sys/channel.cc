#include "sys/channel.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <utility>

#include "base/wipe.h"
#include "sys/channel_queue.h"

namespace samhain::sys {
namespace {

constexpr std::size_t kReadSpace = std::size_t{64} << 10;  // at least so much room for each read
constexpr std::size_t kFirstCapacity = std::size_t{256} << 10;
constexpr std::size_t kFlushAt = std::size_t{256} << 10;
constexpr std::size_t kHighWater = std::size_t{1} << 20;
constexpr std::size_t kLowWater = std::size_t{64} << 10;
constexpr int kReadsARound = 16;  // then the other descriptors of the loop have their turn
constexpr std::chrono::milliseconds kPause{10};
constexpr std::size_t kControlSize = CMSG_SPACE(Channel::kMaxDescriptors * sizeof(int));

Error refused(std::string what) { return Error{Error::Kind::Refused, std::move(what)}; }

/// Takes the descriptors out of what recvmsg(2) returned, so that none of them leaks.
void collect_descriptors(msghdr& message, std::deque<UniqueFd>& into) {
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
      into.emplace_back(fd);
    }
  }
}

}  // namespace

ChannelHeader ChannelHeader::read(std::span<const std::uint8_t, kSize> raw) {
  return {.length = std::uint32_t{raw[0]} << 24 | std::uint32_t{raw[1]} << 16 |
                    std::uint32_t{raw[2]} << 8 | std::uint32_t{raw[3]},
          .kind = static_cast<std::uint16_t>(raw[4] << 8 | raw[5]),
          .descriptors = raw[6]};
}

void ChannelHeader::append_to(Bytes& bytes) const {
  const auto byte = [](std::uint32_t value, unsigned shift) {
    return static_cast<std::uint8_t>(value >> shift & 0xFF);
  };
  const std::array<std::uint8_t, kSize> raw = {byte(length, 24), byte(length, 16), byte(length, 8),
                                               byte(length, 0),  byte(kind, 8),    byte(kind, 0),
                                               descriptors};
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

struct Channel::State final : Buried {
  State(Loop& of, UniqueFd socket, std::span<const Rule> allowed)
      : loop(of), fd(std::move(socket)), rules(allowed) {
    takes_secrets = std::ranges::any_of(rules, [](const Rule& rule) { return rule.is_secret; });
  }

  Loop& loop;
  UniqueFd fd;
  std::span<const Rule> rules;
  bool takes_secrets = false;  // moving bytes must leave none behind
  OnMessage on_message;
  OnEnd on_end;
  Loop::Callback on_drained;

  Bytes in = Bytes(kFirstCapacity);
  std::size_t in_head = 0;  // in[in_head, in_tail) is not yet delivered
  std::size_t in_tail = 0;
  std::deque<UniqueFd> in_descriptors;

  ChannelQueue out;
  Loop::Timer flush_timer = 0;  // planned flush; 0: none
  bool is_blocked = false;      // waits for EPOLLOUT
  bool is_above_high_water = false;
  bool is_closed = false;

  void handle(std::uint32_t events);
  void read_and_deliver();
  void make_room();
  ssize_t receive(int& flags);
  bool deliver();
  const Rule* find_rule(std::uint16_t kind) const;
  Result<void> check(const ChannelHeader& header) const;
  Result<void> check_left_descriptors() const;
  void queue(std::uint16_t kind, ByteView payload, std::vector<UniqueFd> descriptors);
  void plan_flush();
  void flush_from_loop();
  void flush_and_wait();
  void unblock();
  void write_out();
  void end(const Error& error);
  void close();
};

void Channel::State::handle(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush_from_loop();
  if (!is_closed && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_and_deliver();
}

void Channel::State::make_room() {
  if (in_head == in_tail) in_head = in_tail = 0;
  if (in.size() - in_tail >= kReadSpace) return;
  if (in_head > 0) {
    memmove(in.data(), in.data() + in_head, in_tail - in_head);
    if (takes_secrets) base::wipe(std::span{in}.subspan(in_tail - in_head, in_head));
    in_tail -= in_head;
    in_head = 0;
  }
  if (in.size() - in_tail >= kReadSpace) return;
  // Bounded: what is left is one message at most, and check() has judged its length.
  Bytes larger(in.size() * 2);
  memcpy(larger.data(), in.data(), in_tail);
  if (takes_secrets) base::wipe(std::span{in}.first(in_tail));
  in.swap(larger);
}

ssize_t Channel::State::receive(int& flags) {
  iovec part{in.data() + in_tail, in.size() - in_tail};
  alignas(cmsghdr) std::array<char, kControlSize> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  const int error = errno;
  if (size >= 0) collect_descriptors(message, in_descriptors);
  flags = message.msg_flags;
  errno = error;
  return size;
}

void Channel::State::read_and_deliver() {
  for (int reads = 0; reads < kReadsARound && !is_closed; ++reads) {
    make_room();
    int flags = 0;
    const ssize_t size = receive(flags);
    if (size < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return end(Error{Error::Kind::Missing, "the other end is gone", errno});
    }
    if (size == 0) return end(Error{Error::Kind::Missing, "the other end is gone"});
    if ((flags & MSG_CTRUNC) != 0) return end(refused("too many descriptors"));
    in_tail += static_cast<std::size_t>(size);
    if (!deliver()) return;
  }
}

const Rule* Channel::State::find_rule(std::uint16_t kind) const {
  const auto rule = std::ranges::find(rules, kind, &Rule::kind);
  return rule == rules.end() ? nullptr : &*rule;
}

Result<void> Channel::State::check(const ChannelHeader& header) const {
  const Rule* rule = find_rule(header.kind);
  if (rule == nullptr) return refused(fmt::format("message {} is not allowed", header.kind));
  if (header.length < rule->min_size || header.length > std::min(rule->max_size, kMaxMessage)) {
    return refused(fmt::format("message {} of {} bytes", header.kind, header.length));
  }
  if (header.descriptors != rule->descriptors) {
    return refused(fmt::format("message {} with {} descriptors", header.kind, header.descriptors));
  }
  return {};
}

/// What is left may only belong to the message that is not complete yet: descriptors come with a
/// message's first byte.
Result<void> Channel::State::check_left_descriptors() const {
  const std::size_t left = in_tail - in_head;
  std::size_t most = 0;
  if (left > 0) most = kMaxDescriptors;
  if (left >= ChannelHeader::kSize) {
    most = ChannelHeader::read(std::span{in}.subspan(in_head).first<ChannelHeader::kSize>())
               .descriptors;
  }
  if (in_descriptors.size() > most) return refused("more descriptors than said");
  return {};
}

/// Delivers every whole message; false when the channel has ended.
bool Channel::State::deliver() {
  std::vector<UniqueFd> descriptors;
  while (in_tail - in_head >= ChannelHeader::kSize) {
    const ByteView input = ByteView{in}.subspan(in_head, in_tail - in_head);
    const auto header = ChannelHeader::read(input.first<ChannelHeader::kSize>());
    if (const auto checked = check(header); !checked) {
      end(checked.error());
      return false;
    }
    if (in_descriptors.size() < header.descriptors) {
      end(refused(fmt::format("message {} lacks its descriptors", header.kind)));
      return false;
    }
    if (input.size() - ChannelHeader::kSize < header.length) break;

    for (unsigned i = 0; i < header.descriptors; ++i) {
      descriptors.push_back(std::move(in_descriptors.front()));
      in_descriptors.pop_front();
    }
    in_head += ChannelHeader::kSize + header.length;
    const std::size_t payload = in_head - header.length;
    on_message(header.kind, ByteView{in}.subspan(payload, header.length), descriptors);
    descriptors.clear();
    if (takes_secrets && find_rule(header.kind)->is_secret) {
      base::wipe(std::span{in}.subspan(payload, header.length));
    }
    if (is_closed) return false;  // this memory stays until the round ends (Loop::bury)
  }
  if (const auto checked = check_left_descriptors(); !checked) {
    end(checked.error());
    return false;
  }
  return true;
}

void Channel::State::queue(std::uint16_t kind, ByteView payload,
                           std::vector<UniqueFd> descriptors) {
  assert(payload.size() <= kMaxMessage && descriptors.size() <= kMaxDescriptors);
  if (is_closed) return;
  const ChannelHeader header{.length = static_cast<std::uint32_t>(payload.size()),
                             .kind = kind,
                             .descriptors = static_cast<std::uint8_t>(descriptors.size())};
  out.append(header, payload, std::move(descriptors));
  if (out.size() > kHighWater) is_above_high_water = true;
  if (is_blocked) return;
  if (out.size() >= kFlushAt) write_out();
  plan_flush();
}

void Channel::State::plan_flush() {
  if (flush_timer != 0 || is_blocked || is_closed) return;
  flush_timer = loop.soon([this] {
    flush_timer = 0;
    flush_from_loop();
  });
}

void Channel::State::unblock() {
  if (!is_blocked) return;
  is_blocked = false;
  // It can only fail for a descriptor that is not watched, and ours is until close().
  (void)loop.change(fd.get(), EPOLLIN);
}

void Channel::State::flush_from_loop() {
  unblock();
  write_out();
  if (!is_above_high_water || out.size() >= kLowWater) return;
  is_above_high_water = false;
  if (on_drained) on_drained();
}

void Channel::State::write_out() {
  switch (out.send_to(fd.get())) {
    case ChannelQueue::Sent::All:
      return;
    case ChannelQueue::Sent::Blocked:
      is_blocked = true;
      (void)loop.change(fd.get(), EPOLLIN | EPOLLOUT);
      return;
    case ChannelQueue::Sent::Later:
      loop.cancel(flush_timer);
      flush_timer = loop.after(kPause, [this] {
        flush_timer = 0;
        flush_from_loop();
      });
      return;
    case ChannelQueue::Sent::Failed:
      // What the other end sent before it went is still delivered; then reading tells of the end.
      out.clear();
      shutdown(fd.get(), SHUT_RDWR);
      return;
  }
}

void Channel::State::flush_and_wait() {
  while (!is_closed && out.size() > 0) {
    unblock();
    write_out();
    if (out.size() == 0) return;
    pollfd waiting{fd.get(), static_cast<short>(is_blocked ? POLLOUT : 0), 0};
    const int timeout_ms = is_blocked ? -1 : static_cast<int>(kPause.count());
    if (poll(&waiting, 1, timeout_ms) < 0 && errno != EINTR) return;
  }
}

void Channel::State::end(const Error& error) {
  close();
  on_end(error);
}

void Channel::State::close() {
  if (is_closed) return;
  is_closed = true;
  loop.cancel(flush_timer);
  loop.forget(fd.get());
  fd.reset();
  out.clear();
  if (takes_secrets) base::wipe(std::span{in}.subspan(in_head, in_tail - in_head));
  in_descriptors.clear();
}

Result<std::pair<UniqueFd, UniqueFd>> Channel::pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system_error("socketpair", errno);
  }
  return std::pair{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

Channel::Channel(std::unique_ptr<State> state) : state_(std::move(state)) {}

Channel::~Channel() {
  state_->close();
  Loop& loop = state_->loop;
  loop.bury(std::move(state_));
}

Result<std::unique_ptr<Channel>> Channel::open(Loop& loop, UniqueFd fd, std::span<const Rule> rules,
                                               OnMessage on_message, OnEnd on_end) {
  auto state = std::make_unique<State>(loop, std::move(fd), rules);
  state->on_message = std::move(on_message);
  state->on_end = std::move(on_end);
  State* inner = state.get();
  const auto watched = loop.watch(inner->fd.get(), EPOLLIN,
                                  [inner](std::uint32_t events) { inner->handle(events); });
  if (!watched) return watched.error();
  return std::unique_ptr<Channel>{new Channel{std::move(state)}};
}

void Channel::send(std::uint16_t kind, ByteView payload) { state_->queue(kind, payload, {}); }

void Channel::send_secret(std::uint16_t kind, ByteView payload) {
  state_->out.hold_secret();
  state_->queue(kind, payload, {});
}

void Channel::send(std::uint16_t kind, ByteView payload, std::vector<UniqueFd> descriptors) {
  state_->queue(kind, payload, std::move(descriptors));
}

void Channel::flush() { state_->flush_and_wait(); }

std::size_t Channel::queued() const { return state_->out.size(); }

void Channel::on_drained(Loop::Callback callback) { state_->on_drained = std::move(callback); }

}  // namespace samhain::sys
