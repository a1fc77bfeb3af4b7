#pragma once

#include <openssl/evp.h>

#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/handle.h"

namespace samhain::crypto {

/// SHA-256 of bytes that come in pieces; one context, used again for any number of digests.
class Sha256 {
 public:
  Sha256();
  void update(ByteView bytes);
  Digest finish();         ///< and ready for the next
  Digest finish_so_far();  ///< of what came so far; more may follow

 private:
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context_;
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> spare_;
};

Digest sha256(ByteView bytes);

}  // namespace samhain::crypto
