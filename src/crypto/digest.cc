#include "crypto/digest.h"

#include "crypto/check.h"

namespace samhain::crypto {
namespace {

using Algorithm = Handle<EVP_MD, EVP_MD_free>;

// Fetched once: EVP_sha256() would be looked up again, under a lock, at each initialisation.
const EVP_MD* algorithm() {
  static const Algorithm fetched{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  require(fetched != nullptr, "SHA-256");
  return fetched.get();
}

Digest take_digest(EVP_MD_CTX* context) {
  Digest digest{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context, digest.data(), &size) == 1 && size == digest.size(),
          "SHA-256");
  return digest;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()), spare_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && spare_ != nullptr, "SHA-256");
  require(EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1, "SHA-256");
}

void Sha256::update(ByteView bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256");
}

Digest Sha256::finish() {
  const Digest digest = take_digest(context_.get());
  require(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1, "SHA-256");
  return digest;
}

Digest Sha256::finish_so_far() {
  require(EVP_MD_CTX_copy_ex(spare_.get(), context_.get()) == 1, "SHA-256");
  return take_digest(spare_.get());
}

Digest sha256(ByteView bytes) {
  Digest digest{};
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm(), nullptr) == 1 &&
              size == digest.size(),
          "SHA-256");
  return digest;
}

}  // namespace samhain::crypto
