#include "srp/group.h"

#include <gtest/gtest.h>

#include <string_view>

#include "base/hex.h"
#include "srp_vectors.h"

namespace samhain::srp {
namespace {

bool is_prime(const BIGNUM* number) {
  const Handle<BN_CTX, BN_CTX_free> context{BN_CTX_new()};
  return BN_check_prime(number, context.get(), nullptr) == 1;
}

bool is_safe_prime(const BIGNUM* number) {
  const crypto::BigNumber half{BN_new()};
  return is_prime(number) && BN_rshift1(half.get(), number) == 1 && is_prime(half.get());
}

TEST(Group, HasSafePrimesOfTheSizesItSays) {
  EXPECT_EQ(group_1024().size_bytes, 128U);
  EXPECT_TRUE(is_safe_prime(group_1024().prime.get()));
  EXPECT_EQ(group_3072().size_bytes, 384U);
  EXPECT_TRUE(is_safe_prime(group_3072().prime.get()));
}

TEST(Group, OfUseIsTheOneComputedFromPi) {
  EXPECT_EQ(base::hex(crypto::to_bytes(*group_3072().prime, 384)), kReferencePrime);
  EXPECT_EQ(base::hex(crypto::to_bytes(*group_3072().multiplier, 32)), kReferenceMultiplier);
  EXPECT_EQ(BN_get_word(group_3072().generator.get()), 5U);
}

}  // namespace
}  // namespace samhain::srp
