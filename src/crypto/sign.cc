#include "crypto/sign.h"

#include <openssl/err.h>

#include "crypto/check.h"
#include "crypto/random.h"

namespace samhain::crypto {
namespace {

using PKey = Handle<EVP_PKEY, EVP_PKEY_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

PKey private_key(const SigningSeed& seed) {
  PKey key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.span().data(),
                                        SigningSeed::size())};
  require(key != nullptr, "Ed25519");
  return key;
}

DigestContext new_context() {
  DigestContext context{EVP_MD_CTX_new()};
  require(context != nullptr, "Ed25519");
  return context;
}

}  // namespace

SigningSeed make_signing_seed() {
  SigningSeed seed;
  fill_random(seed.span());
  return seed;
}

PublicKey public_key_of(const SigningSeed& seed) {
  const PKey key = private_key(seed);
  PublicKey result{};
  std::size_t size = result.size();
  require(
      EVP_PKEY_get_raw_public_key(key.get(), result.data(), &size) == 1 && size == result.size(),
      "Ed25519");
  return result;
}

Signature sign(const SigningSeed& seed, ByteView message) {
  const PKey key = private_key(seed);
  const DigestContext context = new_context();
  Signature signature{};
  std::size_t size = signature.size();
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
              EVP_DigestSign(context.get(), signature.data(), &size, message.data(),
                             message.size()) == 1 &&
              size == signature.size(),
          "Ed25519");
  return signature;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  const PKey public_key{
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size())};
  require(public_key != nullptr, "Ed25519");
  const DigestContext context = new_context();
  require(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1,
          "Ed25519");
  const bool is_good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                        message.data(), message.size()) == 1;
  ERR_clear_error();  // a wrong signature is an answer, not a fault for others to find
  return is_good;
}

}  // namespace samhain::crypto
