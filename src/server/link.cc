#include "server/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

namespace samhain::server {
namespace {

/// TLS records begin with their type, a handshake's is this (RFC 8446 section 5.1).
constexpr std::uint8_t kTlsHandshake = 0x16;

/// Records read in one go: others' turn then.
constexpr int kMaxRecords = 8;

/// A client that does not read what it asked for is not read from either.
constexpr std::size_t kMaxOutput = 256U << 10;

/// How long a peer may take to see the last frame before the connection is cut.
constexpr std::chrono::seconds kFarewell{2};
/// What a peer may have on its way by then, in socket buffers of both ends: what comes beyond it is
/// sent in spite of our end.
constexpr std::size_t kMaxDrained = 16U << 20;

constexpr std::size_t kKeptCapacity = 4'096;

void give_back(Bytes& bytes) {
  if (bytes.capacity() > kKeptCapacity) {
    Bytes{}.swap(bytes);
  } else {
    bytes.clear();
  }
}

}  // namespace

Result<void> Link::proceed(const wire::TlsContext& context, std::span<std::uint8_t> buffer,
                           Time now, const OnFrame& on_frame) {
  if (stage_ == Stage::FirstByte) {
    auto seen = look_at_first_byte(context);
    if (!seen) return seen.error();
    if (!*seen) return {};
    stage_ = Stage::Handshake;
  }
  if (stage_ == Stage::Handshake) {
    auto done = shake_hands();
    if (!done) return done.error();
    if (!*done) return {};
    stage_ = Stage::Frames;
  }
  if (auto written = write_output(now); !written) return written;
  if (is_finishing_) {
    drain(buffer);
    return {};
  }
  return read_frames(buffer, now, on_frame);
}

/// Before any object of OpenSSL exists: a scanner costs a descriptor, no more.
Result<bool> Link::look_at_first_byte(const wire::TlsContext& context) {
  std::uint8_t first = 0;
  const ssize_t size = recv(raw_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    return Error{Error::Kind::Missing, "connection", errno};
  }
  if (size == 0) return Error{Error::Kind::Missing, "the peer closed the connection"};
  if (first != kTlsHandshake) return Error{Error::Kind::Malformed, "No TLS"};
  auto stream = wire::TlsStream::open(context, std::move(raw_), true);
  if (!stream) return stream.error();
  stream_.emplace(std::move(*stream));
  return true;
}

Result<bool> Link::shake_hands() {
  auto want = stream_->handshake();
  if (!want) return want.error();
  if (*want != wire::TlsStream::Want::Nothing) return false;
  auto binding = stream_->channel_binding();
  if (!binding) return binding.error();
  binding_ = *binding;
  return true;
}

Result<void> Link::read_frames(std::span<std::uint8_t> buffer, Time now, const OnFrame& on_frame) {
  if (auto looked = look_at_held(now, on_frame); !looked) return looked;
  for (int i = 0; (i < kMaxRecords || stream_->has_pending()) && may_go_on(); ++i) {
    auto size = stream_->read(buffer);
    if (!size) return size.error();
    if (*size == 0) return {};
    active_at_ = now;
    const ByteView fresh = buffer.first(*size);
    if (input_.empty()) {
      auto rest = take_frames(fresh, on_frame);
      if (!rest) return rest.error();
      input_.assign(rest->begin(), rest->end());
    } else {
      input_.insert(input_.end(), fresh.begin(), fresh.end());
      auto rest = take_frames(input_, on_frame);
      if (!rest) return rest.error();
      if (rest->empty()) {
        give_back(input_);
      } else if (rest->size() < input_.size()) {
        input_.erase(input_.begin(), input_.end() - static_cast<std::ptrdiff_t>(rest->size()));
        frame_since_.reset();
      }
    }
    if (input_.empty()) {
      frame_since_.reset();
    } else if (!frame_since_) {
      frame_since_ = now;
    }
  }
  return {};
}

/// Whole frames may wait in the input since the link was held.
Result<void> Link::look_at_held(Time now, const OnFrame& on_frame) {
  if (!was_held_ || is_held_) return {};
  was_held_ = false;
  auto rest = take_frames(input_, on_frame);
  if (!rest) return rest.error();
  input_.erase(input_.begin(), input_.end() - static_cast<std::ptrdiff_t>(rest->size()));
  if (!input_.empty()) frame_since_ = now;
  return {};
}

bool Link::release() {
  if (!is_held_) return false;
  is_held_ = false;
  was_held_ = true;
  frame_since_.reset();
  return true;
}

/// Hands over the whole frames at the front of `bytes`; what is left is a begun one, or what came
/// behind the frame that holds the link.
Result<ByteView> Link::take_frames(ByteView bytes, const OnFrame& on_frame) {
  while (!bytes.empty() && may_go_on()) {
    const auto frame = wire::decode(bytes, is_member_ ? wire::kMaxMember : wire::kMaxStranger);
    if (!frame) {
      if (frame.error().kind == Error::Kind::Incomplete) return bytes;
      return frame.error();
    }
    if (auto taken = on_frame(*frame); !taken) return taken.error();
    bytes = bytes.subspan(frame->size);
  }
  return is_held_ ? bytes : ByteView{};
}

Result<void> Link::send(wire::Type type, ByteView payload, Time now) {
  wire::encode(type, payload, output_);
  return write_output(now);
}

Result<void> Link::write_output(Time now) {
  while (has_output()) {
    auto size = stream_->write(ByteView{output_}.subspan(sent_));
    if (!size) return size.error();
    if (*size == 0) return {};
    sent_ += *size;
    active_at_ = now;
  }
  give_back(output_);
  sent_ = 0;
  if (is_finishing_ && !is_shut_) {
    // Closing at once would reset the connection if the peer has sent more, and the reset may
    // overtake our last frame.  So: end our side, and wait for the peer to end its own.
    stream_->close();
    is_shut_ = true;
    if (shutdown(stream_->fd(), SHUT_WR) != 0) is_over_ = true;
  }
  return {};
}

void Link::finish(Time now) {
  is_finishing_ = true;
  active_at_ = now;
  if (!stream_ || stage_ != Stage::Frames) {
    is_over_ = true;
    return;
  }
  if (auto written = write_output(now); !written) is_over_ = true;
}

/// Throws away what the peer still sends, until it has seen our end; one that does not mind it is
/// reset.
void Link::drain(std::span<std::uint8_t> buffer) {
  const ssize_t size = recv(stream_->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) drained_ += static_cast<std::size_t>(size);
  is_over_ = size <= 0 || drained_ > kMaxDrained;
}

std::optional<Departure> Link::find_timeout(const FrontSettings& settings, Time now) const {
  if (is_finishing_) {
    if (now - active_at_ > kFarewell) return Departure::Closed;
    return std::nullopt;
  }
  if (!is_member_ && now - since_ > settings.handshake) return Departure::HandshakeTimeout;
  if (frame_since_ && !is_held_ && now - *frame_since_ > settings.frame) {
    return Departure::FrameTimeout;
  }
  if (is_member_ && now - active_at_ > settings.idle) return Departure::Closed;
  return std::nullopt;
}

std::uint32_t Link::events(bool may_read) const {
  using Want = wire::TlsStream::Want;
  if (stage_ == Stage::Handshake && stream_ && stream_->wants() == Want::Write) return EPOLLOUT;
  std::uint32_t events = 0;
  if (has_output()) events |= EPOLLOUT;
  if (may_read && !is_held_ && output_.size() - sent_ < kMaxOutput) events |= EPOLLIN;
  return events;
}

}  // namespace samhain::server
