#include "uplink/upload.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "crypto/random.h"

namespace samhain::uplink {

namespace {

Error malformed(std::string_view what) { return Error{Error::Kind::Malformed, std::string{what}}; }

}  // namespace

Upload::Upload(Offer offer, OnDone on_done)
    : offer_(std::move(offer)), on_done_(std::move(on_done)) {}

Result<Errand::Question> Upload::ask() {
  ++tries_;
  sent_ = 0;
  under_way_ = 0;
  has_ended_ = false;
  nonce_ = crypto::random_array<16>();
  return Question{wire::Type::Put, wire::encode(wire::Put{nonce_, offer_.size, offer_.sha256})};
}

Result<std::optional<Errand::Frame>> Upload::next(crypto::Mac& key) {
  if (has_ended_ || under_way_ >= kWindow) return std::optional<Frame>{};
  if (sent_ < offer_.size) return next_chunk();
  has_ended_ = true;
  buffer_ = wire::encode_tag(
      wire::file_mac(key, wire::Vouched::Put, wire::FileKind::Baseline, nonce_, offer_.sha256));
  return std::optional{Frame{wire::Type::End, buffer_}};
}

Result<std::optional<Errand::Frame>> Upload::next_chunk() {
  buffer_.resize(std::min<std::uint64_t>(wire::kMaxChunk, offer_.size - sent_));
  ssize_t size = -1;
  do {
    size = pread(offer_.file.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(sent_));
  } while (size < 0 && errno == EINTR);
  if (size < 0) return system_error("reading the baseline", errno);
  if (size == 0) return Error{Error::Kind::System, "the baseline is shorter than it was"};
  sent_ += static_cast<std::uint64_t>(size);
  ++under_way_;
  return std::optional{
      Frame{wire::Type::Chunk, ByteView{buffer_}.first(static_cast<std::size_t>(size))}};
}

void Upload::note_taken(std::size_t chunks) { under_way_ -= std::min(chunks, under_way_); }

Result<bool> Upload::take(wire::Type type, ByteView payload, crypto::Mac& key) {
  const bool is_stored = type == wire::Type::Stored && has_ended_;
  if (!is_stored && type != wire::Type::NoFile) return malformed("a frame out of turn");
  const auto tag = wire::decode_tag(payload);
  if (!tag) return malformed("malformed verdict");
  const auto vouched = is_stored ? wire::Vouched::Stored : wire::Vouched::NoFile;
  const crypto::Tag right = wire::file_mac(key, vouched, wire::FileKind::Baseline, nonce_,
                                           is_stored ? offer_.sha256 : Digest{});
  if (!crypto::equal_secrets(right, *tag)) {
    return Error{Error::Kind::Refused, "a verdict that is not authentic"};
  }
  verdict_ = is_stored ? Delivered::Kind::Stored : Delivered::Kind::Refused;
  return true;
}

void Upload::finish(std::string_view failure) {
  Delivered delivered;
  if (failure.empty()) {
    delivered.kind = verdict_;
  } else {
    delivered.reason = failure;
  }
  // Whoever is told may destroy us.
  if (const OnDone on_done = std::exchange(on_done_, nullptr)) on_done(std::move(delivered));
}

}  // namespace samhain::uplink
