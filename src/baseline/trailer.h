#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/sign.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/result.h"

namespace samhain::baseline {

/// The signature that follows the last page of a baseline (docs/baseline-format.md section 2):
/// signature (64) | size of the tables (u64) | format (u32) | magic (16), big-endian.  It stands at
/// the end and its last 20 bytes never move, so that every version can tell a newer one.
struct Trailer {
  crypto::Signature signature{};
  std::uint64_t body_size = 0;  ///< bytes before the trailer
  std::uint32_t format = 0;
};
inline constexpr std::size_t kTrailerSize = 64 + 8 + 4 + 16;

std::array<std::uint8_t, kTrailerSize> encode(const Trailer& trailer);

/// Takes the trailer off the end of a whole file.
/// Errors: Malformed (short, no magic, cut or lengthened), Version (newer than kFormat).
Result<Trailer> find_trailer(ByteView file);

/// What is signed: a word for the purpose, format, size and SHA-256 of the tables.
Bytes signed_message(std::uint32_t format, std::uint64_t body_size, const Digest& body);

}  // namespace samhain::baseline
