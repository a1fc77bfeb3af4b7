#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "server/requests.h"
#include "wire/frame.h"
#include "wire/tls.h"

namespace samhain::server {

/// One client's connection as a front sees it: first byte, TLS, frames, limits and time-outs; what
/// is in the frames is opaque here.
class Link {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// A whole frame; borrows from the link.  Its error ends the link.
  using OnFrame = std::function<Result<void>(const wire::Frame& frame)>;

  Link(ConnectionId id, UniqueFd fd, Time now)
      : id_(id), raw_(std::move(fd)), since_(now), active_at_(now) {}

  ConnectionId id() const { return id_; }
  int fd() const { return stream_ ? stream_->fd() : raw_.get(); }
  bool is_member() const { return is_member_; }
  const srp::ChannelBinding& binding() const { return binding_; }

  /// The descriptor is ready: goes on with whatever is under way.  `buffer` is lent for the call.
  /// Errors: Missing (the peer is gone; sys_errno set if it broke off), Malformed, Limit (it broke
  /// the protocol), System.
  Result<void> proceed(const wire::TlsContext& context, std::span<std::uint8_t> buffer, Time now,
                       const OnFrame& on_frame);

  /// Sends a frame as far as the socket takes it; the rest follows in proceed().  Errors: as there.
  Result<void> send(wire::Type type, ByteView payload, Time now);
  void become_member() { is_member_ = true; }
  /// Nothing more is read as frames; when all is sent and the peer has seen it, is_over().
  void finish(Time now);
  bool is_over() const { return is_over_; }
  bool is_finishing() const { return is_finishing_; }
  /// Sends what is left, and reads nothing.  Errors: as proceed().
  Result<void> send_rest(Time now) { return write_output(now); }
  /// All that was sent is with the kernel.
  bool is_clear() const { return !has_output(); }
  /// Frames wait, unread: the next ones need an answer to the last one.  What has arrived already
  /// is looked at by the next proceed() after release().
  void hold() { is_held_ = true; }
  /// False: it was not held.
  bool release();

  /// Which time-out has passed, if any.
  std::optional<Departure> find_timeout(const FrontSettings& settings, Time now) const;
  /// What to watch for; `may_read` false while the keeper has more than it can take.
  std::uint32_t events(bool may_read) const;

 private:
  enum class Stage : std::uint8_t { FirstByte, Handshake, Frames };
  Result<bool> look_at_first_byte(const wire::TlsContext& context);
  Result<bool> shake_hands();
  Result<void> read_frames(std::span<std::uint8_t> buffer, Time now, const OnFrame& on_frame);
  Result<void> look_at_held(Time now, const OnFrame& on_frame);
  Result<ByteView> take_frames(ByteView bytes, const OnFrame& on_frame);
  bool may_go_on() const { return !is_finishing_ && !is_held_; }
  Result<void> write_output(Time now);
  void drain(std::span<std::uint8_t> buffer);
  bool has_output() const { return sent_ < output_.size(); }

  ConnectionId id_;
  UniqueFd raw_;  ///< until the first byte is seen
  std::optional<wire::TlsStream> stream_;
  Stage stage_ = Stage::FirstByte;
  bool is_member_ = false;
  bool is_finishing_ = false;
  bool is_over_ = false;
  bool is_shut_ = false;  ///< our side's end is sent
  bool is_held_ = false;
  bool was_held_ = false;  ///< and what had arrived is not looked at yet
  srp::ChannelBinding binding_{};
  Time since_;
  Time active_at_;
  std::optional<Time> frame_since_;  ///< a frame is begun and not complete
  Bytes input_;                      ///< the begun frame; while held, whole ones too
  Bytes output_;
  std::size_t sent_ = 0;
  std::size_t drained_ = 0;  ///< after our side's end
};

}  // namespace samhain::server
