#include "srp/group.h"

#include <array>
#include <string_view>

#include "base/hex.h"
#include "crypto/check.h"
#include "srp/arithmetic.h"

namespace samhain::srp {
namespace {

// RFC 5054 appendix A, "1024-bit Group".
constexpr std::string_view kPrime1024 =
    "EEAF0AB9ADB38DD69C33F80AFA8FC5E86072618775FF3C0B9EA2314C9C256576D674DF7496EA81D3383B4813D692C6"
    "E0"
    "E0D5D8E250B98BE48E495C1D6089DAD15DC7D7B46154D6B6CE8EF4AD69B15D4982559B297BCF1885C529F566660E57"
    "EC"
    "68EDBC3C05726CC02FD4CBF4976EAA9AFD5138FE8376435B9FC61D2FC0EB06E3";

Group make_group(crypto::BigNumber prime, std::uint8_t generator, HashName hash) {
  Group group{std::move(prime), crypto::from_bytes(std::array<std::uint8_t, 1>{generator}), 0, hash,
              nullptr,          Handle<BN_MONT_CTX, BN_MONT_CTX_free>{BN_MONT_CTX_new()}};
  group.size_bytes = static_cast<std::size_t>(BN_num_bytes(group.prime.get()));

  const Handle<BN_CTX, BN_CTX_free> context{BN_CTX_new()};
  crypto::require(
      context != nullptr && group.montgomery != nullptr &&
          BN_MONT_CTX_set(group.montgomery.get(), group.prime.get(), context.get()) == 1,
      "group");

  const Bytes n = crypto::to_bytes(*group.prime, group.size_bytes);
  const Bytes g = crypto::to_bytes(*group.generator, group.size_bytes);
  group.multiplier = hash_number(group, std::array<ByteView, 2>{n, g});
  return group;
}

crypto::BigNumber prime_3072() {
  // RFC 5054 took its larger primes over from RFC 3526, which OpenSSL knows.
  crypto::BigNumber prime{BN_get_rfc3526_prime_3072(nullptr)};
  crypto::require(prime != nullptr, "group");
  return prime;
}

}  // namespace

const Group& group_3072() {
  static const Group group = make_group(prime_3072(), 5, HashName::Sha256);
  return group;
}

const Group& group_1024() {
  static const Group group =
      make_group(crypto::from_bytes(*base::unhex(kPrime1024)), 2, HashName::Sha1);
  return group;
}

}  // namespace samhain::srp
