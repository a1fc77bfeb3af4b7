#include "crypto/prepare.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <array>

#include "crypto/check.h"
#include "crypto/digest.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "crypto/sign.h"

namespace samhain::crypto {

void prepare() {
  require(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                              nullptr) == 1,
          "initialisation");

  // Each algorithm once: what is fetched, and what it loads on its first use, stays.
  const SigningSeed seed = make_signing_seed();
  const Digest digest = sha256(seed.span());
  Mac mac{derive_key(digest, digest, "prepare")};
  const std::array<ByteView, 1> parts = {ByteView{digest}};
  const Tag tag = mac.compute(parts);
  require(verify(public_key_of(seed), tag, sign(seed, tag)), "Ed25519");
}

}  // namespace samhain::crypto
