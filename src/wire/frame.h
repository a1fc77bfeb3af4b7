#pragma once

#include <cstddef>
#include <cstdint>

#include "samhain/bytes.h"
#include "samhain/result.h"

namespace samhain::wire {

/// Longest frame, in bytes after the length field: from strangers, from proven peers.
inline constexpr std::uint32_t kMaxStranger = 4'096;
inline constexpr std::uint32_t kMaxMember = 1'048'576;

enum class Type : std::uint8_t {
  Hello = 1,
  Challenge,
  Proof,
  Accepted,
  Refused,
  Resume,
  Resumed,
  Invalid,
  Report,
  Ack,
  Get,
  File,
  Chunk,
  End,
  Unchanged,
  NoFile,
  Put,
  Stored
};

/// One message: length of what follows (4 bytes, big-endian), type (1 byte), payload.
/// docs/protocol.md section 2 promises this layout; change both together.
struct Frame {
  Type type;
  ByteView payload;  ///< borrows from the bytes that were decoded
  std::size_t size;  ///< of the whole frame: how many bytes to drop from the input
};

/// Finds the first whole frame in `input`; copies nothing.
/// Errors: Incomplete (read more and ask again), Malformed (no type or an unknown one),
///         Limit (longer than `limit`).  After the last two, end the connection.
Result<Frame> decode(ByteView input, std::uint32_t limit);

/// Appends a frame.
void encode(Type type, ByteView payload, Bytes& output);

}  // namespace samhain::wire
