#pragma once

#include <openssl/bn.h>

#include <cstddef>

#include "crypto/bignum.h"
#include "samhain/handle.h"

namespace samhain::srp {

enum class HashName { Sha1, Sha256 };  ///< Sha1 only for the vectors of RFC 5054, appendix B

/// N and g of RFC 5054 appendix A, and the hash: parameters so that the RFC's vectors can be run.
struct Group {
  crypto::BigNumber prime;
  crypto::BigNumber generator;
  std::size_t size_bytes;  ///< of N; PAD() fills up to it
  HashName hash;

  // Computed once, for they are the same in every exchange.
  crypto::BigNumber multiplier;                      ///< k = H(N | PAD(g))
  Handle<BN_MONT_CTX, BN_MONT_CTX_free> montgomery;  ///< of N
};

const Group& group_3072();  ///< the one in use: 3072 bits, g = 5, SHA-256
const Group& group_1024();  ///< the RFC's vectors: 1024 bits, g = 2, SHA-1

}  // namespace samhain::srp
