#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/loop.h"

namespace samhain::sys {

/// One line of a request table: what a process accepts from the other end of a channel.
struct Rule {
  std::uint16_t kind;
  std::size_t min_size;
  std::size_t max_size;
  std::uint8_t descriptors = 0;  ///< exactly so many come with it
  bool is_secret = false;        ///< wiped from the receiver's buffer when it was delivered
};

/// Typed messages and descriptors between two of our processes, over a stream socketpair(2):
/// `u32 length of the payload | u16 kind | u8 descriptors | payload`, numbers big-endian.  A
/// message that no rule allows ends the channel: read the other end as an adversary, for it may
/// have been taken over.
///
/// send() only queues; what is queued goes out at the end of the loop's round or when 256 KiB have
/// gathered, so that many small messages cost one system call.
class Channel {
 public:
  /// `payload` and `descriptors` may be used (descriptors: moved from) during the call only.
  using OnMessage =
      std::function<void(std::uint16_t kind, ByteView payload, std::vector<UniqueFd>& descriptors)>;
  /// The other end is gone (Missing) or broke a rule (Refused); called once, from the loop.
  using OnEnd = std::function<void(const Error&)>;

  static constexpr std::size_t kMaxMessage = 4U << 20;

  static constexpr std::size_t kMaxDescriptors = 253;  ///< in one message: the kernel's SCM_MAX_FD

  /// Two connected ends, close-on-exec.
  static Result<std::pair<UniqueFd, UniqueFd>> pair();

  /// `rules` is borrowed and must outlive the channel.
  static Result<std::unique_ptr<Channel>> open(Loop& loop, UniqueFd fd, std::span<const Rule> rules,
                                               OnMessage on_message, OnEnd on_end);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void send(std::uint16_t kind, ByteView payload);
  void send(std::uint16_t kind, ByteView payload, std::vector<UniqueFd> descriptors);
  /// For a key: no copy stays in our memory once the kernel took it.  The caller wipes `payload`;
  /// the receiver's rule says is_secret.
  void send_secret(std::uint16_t kind, ByteView payload);
  /// Writes what is queued now and waits until the kernel took it all (or the other end is gone):
  /// for a role whose handler works for long and must show its progress.  Never from a parent.
  void flush();
  std::size_t queued() const;  ///< bytes not yet taken by the kernel: the caller's back-pressure
  /// Calls once each time queued() falls below 64 KiB again after having been above 1 MiB.
  void on_drained(Loop::Callback callback);

 private:
  struct State;
  explicit Channel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The seven bytes before each payload.
struct ChannelHeader {
  static constexpr std::size_t kSize = 7;
  std::uint32_t length;
  std::uint16_t kind;
  std::uint8_t descriptors;

  static ChannelHeader read(std::span<const std::uint8_t, kSize> raw);
  void append_to(Bytes& bytes) const;
};

}  // namespace samhain::sys
