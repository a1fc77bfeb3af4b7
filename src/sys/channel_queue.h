#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "sys/channel.h"

namespace samhain::sys {

/// The way out of a channel: bytes in order, and which of them descriptors travel with.
class ChannelQueue {
 public:
  enum class Sent { All, Blocked, Later, Failed };

  void append(const ChannelHeader& header, ByteView payload, std::vector<UniqueFd> descriptors);
  /// From now on until it is empty the queue leaves nothing behind in memory.
  void hold_secret() { has_secret_ = true; }
  std::size_t size() const { return bytes_.size() - head_; }
  void clear();

  /// Writes as much as the socket `fd` takes.  Blocked: wait until it is writable.  Later: the
  /// kernel is short of memory or of descriptors under way (unix(7), ETOOMANYREFS): try again after
  /// a pause.
  Sent send_to(int fd);

 private:
  struct Attached {
    std::uint64_t position;  ///< of the message's first byte, counted since the channel began
    std::vector<UniqueFd> descriptors;
  };
  ssize_t send_once(int fd);
  void take(std::size_t sent);
  void make_room(std::size_t more);
  void drop_sent();

  Bytes bytes_;
  bool has_secret_ = false;
  std::size_t head_ = 0;        ///< bytes_ before it are sent
  std::uint64_t position_ = 0;  ///< of bytes_[head_], counted since the channel began
  std::deque<Attached> attached_;
};

}  // namespace samhain::sys
