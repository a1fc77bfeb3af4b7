#pragma once

#include <openssl/bn.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "samhain/bytes.h"
#include "samhain/handle.h"

namespace samhain::crypto {

using BigNumber = Handle<BIGNUM, BN_clear_free>;  // secrets: the free that clears

BigNumber from_bytes(ByteView big_endian);

/// Big-endian, filled up with zeros in front to `size`; `number` must fit.
Bytes to_bytes(const BIGNUM& number, std::size_t size);

/// The same into memory of the caller's, which may be a SecretBytes: for secret numbers.
void write_bytes(const BIGNUM& number, std::span<std::uint8_t> output);

}  // namespace samhain::crypto
