#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "samhain/secret.h"

namespace samhain::crypto {

using Signature = std::array<std::uint8_t, 64>;
using PublicKey = std::array<std::uint8_t, 32>;

/// Ed25519 (RFC 8032): a private key is a seed of 32 bytes.
using SigningSeed = SecretBytes<32>;

SigningSeed make_signing_seed();
PublicKey public_key_of(const SigningSeed& seed);
Signature sign(const SigningSeed& seed, ByteView message);
bool verify(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace samhain::crypto
