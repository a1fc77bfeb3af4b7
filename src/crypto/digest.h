#pragma once

#include <openssl/evp.h>

#include <optional>
#include <string_view>

#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/handle.h"

namespace samhain::crypto {

/// The word in settings: "SHA256", "BLAKE2B"; "" for None.
std::string_view word(DigestKind kind);
/// By that word, letters as they are.  Nothing: no such digest, or none that can be made here.
std::optional<DigestKind> digest_kind_named(std::string_view name);

/// The digest of bytes that come in pieces; one context, used again for any number of digests.
class Hasher {
 public:
  explicit Hasher(DigestKind kind);  ///< one that digest_kind_named() can give
  DigestKind kind() const { return kind_; }
  void update(ByteView bytes);
  ContentDigest finish();         ///< and ready for the next
  ContentDigest finish_so_far();  ///< of what came so far; more may follow

 private:
  ContentDigest take(EVP_MD_CTX* context) const;

  DigestKind kind_;
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context_;
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> spare_;
};

/// The same for SHA-256 alone.
class Sha256 {
 public:
  void update(ByteView bytes) { hasher_.update(bytes); }
  Digest finish();
  Digest finish_so_far();

 private:
  Hasher hasher_{DigestKind::Sha256};
};

Digest sha256(ByteView bytes);

}  // namespace samhain::crypto
