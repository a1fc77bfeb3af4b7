#include "server/front_transfer.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sys/file.h"

namespace samhain::server {
namespace {

/// Chunks sent in one go.
constexpr int kChunksAtOnce = 4;

Error wrong(const char* what) { return Error{Error::Kind::Malformed, what}; }

}  // namespace

Result<void> FrontTransfer::ask() {
  if (!is_idle()) return wrong("GET while another transfer is under way");
  stage_ = Stage::Asked;
  return {};
}

Result<void> FrontTransfer::offer(ByteView put) {
  if (!is_idle()) return wrong("PUT while another transfer is under way");
  const auto message = wire::decode_put(put);
  if (!message) return wrong("PUT: wrong length");
  *this = FrontTransfer{};
  stage_ = Stage::Offered;
  head_ = {.size = message->size, .sha256 = {}};
  return {};
}

Result<void> FrontTransfer::take_chunk(ByteView chunk, Time now) {
  if (stage_ != Stage::Receiving && stage_ != Stage::Unwanted) return wrong("CHUNK out of turn");
  if (chunk.empty() || chunk.size() > wire::kMaxChunk) return wrong("CHUNK: wrong length");
  if (chunk.size() > head_.size - done_) return wrong("CHUNK: more than was announced");
  done_ += chunk.size();
  since_ = now;
  if (stage_ == Stage::Unwanted || !is_whole_) return {};
  is_whole_ = static_cast<bool>(sys::write_all(file_.get(), chunk));
  return {};
}

Result<std::optional<PutEnd>> FrontTransfer::take_end(ByteView tag) {
  if (stage_ == Stage::Unwanted) {
    stage_ = Stage::Idle;
    return std::optional<PutEnd>{};
  }
  if (stage_ != Stage::Receiving) return wrong("END out of turn");
  const auto mac = wire::decode_tag(tag);
  if (!mac) return wrong("END: wrong length");
  if (done_ != head_.size) return wrong("END: less than was announced");
  file_.reset();
  stage_ = Stage::Judged;
  return std::optional{PutEnd{.connection = 0, .is_whole = is_whole_, .mac = *mac}};
}

bool FrontTransfer::send(UniqueFd file, const Delivery& delivery) {
  if (stage_ != Stage::Asked) return false;
  *this = FrontTransfer{};
  stage_ = Stage::Sending;
  file_ = std::move(file);
  head_ = delivery.file;
  mac_ = delivery.mac;
  return true;
}

bool FrontTransfer::receive(UniqueFd file, Time now) {
  if (stage_ != Stage::Offered) return false;
  stage_ = Stage::Receiving;
  since_ = now;
  file_ = std::move(file);
  return true;
}

void FrontTransfer::answered(wire::Type type) {
  const bool is_file =
      type == wire::Type::Unchanged || type == wire::Type::NoFile || type == wire::Type::Stored;
  if (!is_file) return;
  // Its chunks may be on their way already, whether the client saw the answer or not.
  stage_ = stage_ == Stage::Offered ? Stage::Unwanted : Stage::Idle;
}

Result<void> FrontTransfer::send_head(Link& link, Time now) {
  if (std::exchange(is_announced_, true)) return {};
  since_ = now;
  return link.send(wire::Type::File, wire::encode(head_), now);
}

Result<bool> FrontTransfer::feed(Link& link, std::span<std::uint8_t> buffer, Time now) {
  if (auto sent = send_head(link, now); !sent) return sent.error();
  if (link.is_clear()) since_ = now;
  for (int i = 0; i < kChunksAtOnce && stage_ == Stage::Sending && link.is_clear(); ++i) {
    since_ = now;
    if (done_ == head_.size) {
      stage_ = Stage::Ending;
      if (auto sent = link.send(wire::Type::End, wire::encode_tag(mac_), now); !sent) {
        return sent.error();
      }
      break;
    }
    const std::size_t wanted =
        std::min<std::uint64_t>({head_.size - done_, buffer.size(), wire::kMaxChunk});
    const ssize_t size = pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(done_));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return Error{Error::Kind::Busy, "the file is shorter than it was"};
    done_ += static_cast<std::uint64_t>(size);
    const auto chunk = buffer.first(static_cast<std::size_t>(size));
    if (auto sent = link.send(wire::Type::Chunk, chunk, now); !sent) return sent.error();
  }
  if (stage_ != Stage::Ending || !link.is_clear()) return false;
  *this = FrontTransfer{};
  return true;
}

}  // namespace samhain::server
