#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <string>

#include "crypto/check.h"

namespace samhain::crypto {
namespace {

using MacAlgorithm = Handle<EVP_MAC, EVP_MAC_free>;
using KdfAlgorithm = Handle<EVP_KDF, EVP_KDF_free>;
using KdfContext = Handle<EVP_KDF_CTX, EVP_KDF_CTX_free>;

EVP_MAC* hmac() {
  static const MacAlgorithm fetched{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  require(fetched != nullptr, "HMAC");
  return fetched.get();
}

EVP_KDF* hkdf() {
  static const KdfAlgorithm fetched{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
  require(fetched != nullptr, "HKDF");
  return fetched.get();
}

// OSSL_PARAM is made for reading and writing alike; these are only read.
OSSL_PARAM text_parameter(const char* name, std::string& value) {
  return OSSL_PARAM_construct_utf8_string(name, value.data(), 0);
}
OSSL_PARAM bytes_parameter(const char* name, ByteView value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(value.data()),
                                           value.size());
}

}  // namespace

Mac::Mac(const Key& key) : context_(EVP_MAC_CTX_new(hmac())) {
  require(context_ != nullptr, "HMAC");
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters = {text_parameter(OSSL_MAC_PARAM_DIGEST, digest),
                                                OSSL_PARAM_construct_end()};
  require(EVP_MAC_init(context_.get(), key.span().data(), Key::size(), parameters.data()) == 1,
          "HMAC");
}

Tag Mac::compute(std::span<const ByteView> parts) {
  // No key: begin anew with the one that is set.
  require(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1, "HMAC");
  for (const ByteView part : parts) {
    require(EVP_MAC_update(context_.get(), part.data(), part.size()) == 1, "HMAC");
  }
  Tag tag{};
  std::size_t size = 0;
  require(EVP_MAC_final(context_.get(), tag.data(), &size, tag.size()) == 1 && size == tag.size(),
          "HMAC");
  return tag;
}

Key derive_key(ByteView input_key, ByteView salt, std::string_view info) {
  const KdfContext context{EVP_KDF_CTX_new(hkdf())};
  require(context != nullptr, "HKDF");
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 5> parameters = {
      text_parameter(OSSL_KDF_PARAM_DIGEST, digest), bytes_parameter(OSSL_KDF_PARAM_KEY, input_key),
      bytes_parameter(OSSL_KDF_PARAM_SALT, salt),
      bytes_parameter(OSSL_KDF_PARAM_INFO, as_bytes(info)), OSSL_PARAM_construct_end()};
  Key key;
  require(EVP_KDF_derive(context.get(), key.span().data(), Key::size(), parameters.data()) == 1,
          "HKDF");
  return key;
}

bool equal_secrets(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace samhain::crypto
