#include "crypto/digest.h"

#include <algorithm>
#include <array>

#include "crypto/check.h"

namespace samhain::crypto {
namespace {

using Algorithm = Handle<EVP_MD, EVP_MD_free>;

struct Names {
  std::string_view word;  ///< in settings
  const char* openssl;
};
/// By DigestKind; OpenSSL has no TIGER.
constexpr std::array<Names, kLastDigestKind + 1> kNames = {{{"", nullptr},
                                                            {"SHA256", "SHA256"},
                                                            {"SHA512", "SHA512"},
                                                            {"BLAKE2B", "BLAKE2B-512"},
                                                            {"SHA1", "SHA1"},
                                                            {"MD5", "MD5"},
                                                            {"TIGER192", nullptr}}};

// Fetched once each: EVP_sha256() would be looked up again, under a lock, at each initialisation.
const EVP_MD* algorithm(DigestKind kind) {
  static std::array<Algorithm, kNames.size()> fetched;
  const auto index = static_cast<std::size_t>(kind);
  if (!fetched[index]) fetched[index].reset(EVP_MD_fetch(nullptr, kNames[index].openssl, nullptr));
  require(fetched[index] != nullptr, "digest");
  return fetched[index].get();
}

Digest narrow(const ContentDigest& from) {
  Digest digest{};
  std::ranges::copy(from.view(), digest.begin());
  return digest;
}

}  // namespace

std::string_view word(DigestKind kind) { return kNames[static_cast<std::size_t>(kind)].word; }

std::optional<DigestKind> digest_kind_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i].openssl != nullptr && kNames[i].word == name) return static_cast<DigestKind>(i);
  }
  return std::nullopt;
}

Hasher::Hasher(DigestKind kind)
    : kind_(kind), context_(EVP_MD_CTX_new()), spare_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && spare_ != nullptr, "digest");
  require(EVP_DigestInit_ex2(context_.get(), algorithm(kind), nullptr) == 1, "digest");
}

void Hasher::update(ByteView bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "digest");
}

ContentDigest Hasher::take(EVP_MD_CTX* context) const {
  ContentDigest digest{.kind = kind_};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context, digest.bytes.data(), &size) == 1 && size == size_of(kind_),
          "digest");
  return digest;
}

ContentDigest Hasher::finish() {
  const ContentDigest digest = take(context_.get());
  require(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1, "digest");
  return digest;
}

ContentDigest Hasher::finish_so_far() {
  require(EVP_MD_CTX_copy_ex(spare_.get(), context_.get()) == 1, "digest");
  return take(spare_.get());
}

Digest Sha256::finish() { return narrow(hasher_.finish()); }
Digest Sha256::finish_so_far() { return narrow(hasher_.finish_so_far()); }

Digest sha256(ByteView bytes) {
  Digest digest{};
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size,
                     algorithm(DigestKind::Sha256), nullptr) == 1 &&
              size == digest.size(),
          "SHA-256");
  return digest;
}

}  // namespace samhain::crypto
