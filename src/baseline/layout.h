#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crypto/sign.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/result.h"

namespace samhain::baseline {

// A baseline file from its first to its last byte (docs/baseline-format.md):
//   opening | chunks of entries | blocks of the index | history | head | size of the head | trailer

/// The first bytes, for people and file(1).
inline constexpr std::string_view kOpening = "samhain baseline\n";

/// The eight bytes between head and trailer.
inline constexpr std::size_t kHeadSizeSize = 8;
std::array<std::uint8_t, kHeadSizeSize> encode_head_size(std::uint64_t size);
std::uint64_t decode_head_size(ByteView bytes);

/// What closes the file: signature (64) | bytes before the trailer (u64) | format (u32) | magic
/// (16), big-endian.  Its last 20 bytes never move, so that every version can tell a newer one.
struct Trailer {
  crypto::Signature signature{};
  std::uint64_t body_size = 0;  ///< bytes before the trailer
  std::uint32_t format = 0;
};
inline constexpr std::size_t kTrailerSize = 64 + 8 + 4 + 16;

std::array<std::uint8_t, kTrailerSize> encode(const Trailer& trailer);

/// Takes the trailer apart; `end` is the end of a file of `file_size` bytes.
/// Errors: Malformed (short, no magic, cut or lengthened), Version (not kFormat).
Result<Trailer> find_trailer(ByteView end, std::uint64_t file_size);

/// What is signed: a word for the purpose, format, size and SHA-256 of all before the trailer.
Bytes signed_message(std::uint32_t format, std::uint64_t body_size, const Digest& body);

}  // namespace samhain::baseline
