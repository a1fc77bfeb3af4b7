#include "srp/arithmetic.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <string>

#include "base/text.h"
#include "crypto/check.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace samhain::srp {
namespace {

using crypto::require;
using Context = Handle<BN_CTX, BN_CTX_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

constexpr std::string_view kPasswordPrefix = "samhain:";
constexpr std::size_t kExponentSize = 32;

Context new_context() {
  Context context{BN_CTX_secure_new()};
  require(context != nullptr, "number context");
  return context;
}

BigNumber new_number() {
  BigNumber number{BN_new()};
  require(number != nullptr, "number");
  return number;
}

/// base^exponent mod N; how long it takes tells nothing about the exponent.
BigNumber power(const Group& group, const BIGNUM& number, const BIGNUM& exponent, BN_CTX* context) {
  BigNumber result = new_number();
  require(BN_mod_exp_mont_consttime(result.get(), &number, &exponent, group.prime.get(), context,
                                    group.montgomery.get()) == 1,
          "exponentiation");
  return result;
}

BigNumber product(const Group& group, const BIGNUM& a, const BIGNUM& b, BN_CTX* context) {
  BigNumber result = new_number();
  require(BN_mod_mul(result.get(), &a, &b, group.prime.get(), context) == 1, "multiplication");
  return result;
}

/// H(N) xor H(g), g as one byte.
Digest group_digest(const Group& group) {
  Digest digest = crypto::sha256(crypto::to_bytes(*group.prime, group.size_bytes));
  const Digest of_generator = crypto::sha256(crypto::to_bytes(*group.generator, 1));
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] ^= of_generator[i];
  return digest;
}

Digest speaker_digest(const Speaker& speaker) {
  crypto::Sha256 digest;
  digest.update(as_bytes(speaker.name));
  digest.update(speaker.instance_id);
  digest.update(speaker.spool_id);
  return digest.finish();
}

}  // namespace

BigNumber hash_number(const Group& group, std::span<const ByteView> parts) {
  const DigestContext context{EVP_MD_CTX_new()};
  const EVP_MD* algorithm = group.hash == HashName::Sha1 ? EVP_sha1() : EVP_sha256();
  require(context != nullptr && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1, "hash");
  for (const ByteView part : parts) {
    require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "hash");
  }
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1, "hash");
  BigNumber number = crypto::from_bytes(ByteView{digest}.first(size));
  OPENSSL_cleanse(digest.data(), digest.size());
  return number;
}

BigNumber password_exponent(std::string_view password, const Salt& salt) {
  std::string secret = base::lower(password);
  crypto::Sha256 digest;
  digest.update(as_bytes(kPasswordPrefix));
  digest.update(as_bytes(secret));
  Digest inner = digest.finish();
  BigNumber x = hash_number(group_3072(), std::array<ByteView, 2>{salt, inner});
  OPENSSL_cleanse(secret.data(), secret.size());
  OPENSSL_cleanse(inner.data(), inner.size());
  return x;
}

BigNumber random_exponent() {
  SecretBytes<kExponentSize> bytes;
  crypto::fill_random(bytes.span());
  return crypto::from_bytes(bytes.span());
}

BigNumber power_of_generator(const Group& group, const BIGNUM& exponent) {
  return power(group, *group.generator, exponent, new_context().get());
}

BigNumber server_public(const Group& group, const BIGNUM& v, const BIGNUM& b) {
  const Context context = new_context();
  BigNumber result = product(group, *group.multiplier, v, context.get());
  const BigNumber masked = power(group, *group.generator, b, context.get());
  require(
      BN_mod_add(result.get(), result.get(), masked.get(), group.prime.get(), context.get()) == 1,
      "addition");
  return result;
}

Result<void> check_public(const Group& group, const BIGNUM& number) {
  const Context context = new_context();
  const BigNumber rest = new_number();
  require(BN_nnmod(rest.get(), &number, group.prime.get(), context.get()) == 1, "division");
  if (BN_is_zero(rest.get())) return Error{Error::Kind::Refused, "public number is 0 modulo N"};
  return {};
}

Result<BigNumber> scrambler(const Group& group, const BIGNUM& a_public, const BIGNUM& b_public) {
  const Bytes a = crypto::to_bytes(a_public, group.size_bytes);
  const Bytes b = crypto::to_bytes(b_public, group.size_bytes);
  BigNumber u = hash_number(group, std::array<ByteView, 2>{a, b});
  if (BN_is_zero(u.get())) return Error{Error::Kind::Refused, "scrambling number is 0"};
  return u;
}

BigNumber client_secret(const Group& group, const BIGNUM& b_public, const BIGNUM& x,
                        const BIGNUM& a, const BIGNUM& u) {
  const Context context = new_context();
  const BigNumber v = power(group, *group.generator, x, context.get());
  BigNumber base = product(group, *group.multiplier, *v, context.get());
  require(BN_mod_sub(base.get(), &b_public, base.get(), group.prime.get(), context.get()) == 1,
          "subtraction");
  const BigNumber exponent = new_number();
  require(BN_mul(exponent.get(), &u, &x, context.get()) == 1 &&
              BN_add(exponent.get(), exponent.get(), &a) == 1,
          "exponent");
  return power(group, *base, *exponent, context.get());
}

BigNumber server_secret(const Group& group, const BIGNUM& a_public, const BIGNUM& v,
                        const BIGNUM& u, const BIGNUM& b) {
  const Context context = new_context();
  // u is no secret, yet v is; one way to raise is enough for all.
  const BigNumber scrambled = power(group, v, u, context.get());
  const BigNumber base = product(group, a_public, *scrambled, context.get());
  return power(group, *base, b, context.get());
}

SessionKey agreed_key(const BIGNUM& secret) {
  SecretBytes<kNumberSize> padded;
  crypto::write_bytes(secret, padded.span());
  Digest digest = crypto::sha256(padded.span());
  SessionKey key{digest};
  OPENSSL_cleanse(digest.data(), digest.size());
  return key;
}

Proof client_proof(const Exchange& seen, const SessionKey& key) {
  crypto::Sha256 digest;
  digest.update(group_digest(group_3072()));
  digest.update(speaker_digest(seen.speaker));
  digest.update(seen.salt);
  digest.update(seen.a_public);
  digest.update(seen.b_public);
  digest.update(key.span());
  digest.update(seen.binding);
  return digest.finish();
}

Proof server_proof(const Exchange& seen, const Proof& m1, const SessionKey& key) {
  crypto::Sha256 digest;
  digest.update(seen.a_public);
  digest.update(m1);
  digest.update(key.span());
  digest.update(seen.binding);
  return digest.finish();
}

}  // namespace samhain::srp
