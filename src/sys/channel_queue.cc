#include "sys/channel_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/wipe.h"

namespace samhain::sys {
namespace {

constexpr std::size_t kKeptCapacity = 1U << 20;
constexpr std::size_t kControlSize = CMSG_SPACE(Channel::kMaxDescriptors * sizeof(int));

bool is_worth_waiting(int error) {
  return error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

}  // namespace

void ChannelQueue::append(const ChannelHeader& header, ByteView payload,
                          std::vector<UniqueFd> descriptors) {
  if (!descriptors.empty()) {
    attached_.push_back(Attached{position_ + size(), std::move(descriptors)});
  }
  make_room(ChannelHeader::kSize + payload.size());
  header.append_to(bytes_);
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
}

/// A vector that grows leaves its old memory as it was.
void ChannelQueue::make_room(std::size_t more) {
  const std::size_t needed = bytes_.size() + more;
  if (!has_secret_ || needed <= bytes_.capacity()) return;
  Bytes larger;
  larger.reserve(std::max(needed, 2 * bytes_.capacity()));
  larger.assign(bytes_.begin(), bytes_.end());
  base::wipe(bytes_);
  bytes_.swap(larger);
}

void ChannelQueue::clear() {
  position_ += size();
  if (has_secret_) base::wipe(bytes_);
  has_secret_ = false;
  bytes_.clear();
  head_ = 0;
  attached_.clear();
}

ssize_t ChannelQueue::send_once(int fd) {
  // Descriptors ride on one byte; a call must not reach beyond the next such byte.
  const bool has_descriptors = !attached_.empty() && attached_.front().position == position_;
  std::size_t length = size();
  const std::size_t next = has_descriptors ? 1 : 0;
  if (attached_.size() > next) {
    length = std::min<std::size_t>(length, attached_[next].position - position_);
  }

  iovec part{bytes_.data() + head_, length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, kControlSize> control{};
  if (has_descriptors) {
    const auto& descriptors = attached_.front().descriptors;
    std::array<int, Channel::kMaxDescriptors> raw{};
    std::transform(descriptors.begin(), descriptors.end(), raw.begin(),
                   [](const UniqueFd& descriptor) { return descriptor.get(); });
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    memcpy(CMSG_DATA(head), raw.data(), descriptors.size() * sizeof(int));
  }
  const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0 && has_descriptors) attached_.pop_front();
  return sent;
}

void ChannelQueue::take(std::size_t sent) {
  if (has_secret_) base::wipe(std::span{bytes_}.subspan(head_, sent));
  head_ += sent;
  position_ += sent;
  if (size() > 0) {
    // Moving the rest only when it is the smaller half keeps the cost a byte constant.
    if (head_ >= kKeptCapacity && head_ >= size()) drop_sent();
    return;
  }
  has_secret_ = false;
  head_ = 0;
  bytes_.clear();
  if (bytes_.capacity() > kKeptCapacity) bytes_.shrink_to_fit();
}

void ChannelQueue::drop_sent() {
  const std::size_t rest = size();
  memmove(bytes_.data(), bytes_.data() + head_, rest);
  if (has_secret_) base::wipe(std::span{bytes_}.subspan(rest));
  bytes_.resize(rest);
  head_ = 0;
}

ChannelQueue::Sent ChannelQueue::send_to(int fd) {
  while (size() > 0) {
    const ssize_t sent = send_once(fd);
    if (sent >= 0) {
      take(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Sent::Blocked;
    return is_worth_waiting(errno) ? Sent::Later : Sent::Failed;
  }
  return Sent::All;
}

}  // namespace samhain::sys
