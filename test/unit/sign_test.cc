#include "crypto/sign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "base/hex.h"

namespace samhain::crypto {
namespace {

SigningSeed seed_of(std::string_view digits) {
  SigningSeed seed;
  const Bytes bytes = *base::unhex(digits);
  std::copy(bytes.begin(), bytes.end(), seed.span().begin());
  return seed;
}

// RFC 8032, section 7.1, tests 1 and 2.
TEST(Sign, AgreesWithRfc8032) {
  const SigningSeed first =
      seed_of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(base::hex(public_key_of(first)),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(base::hex(sign(first, {})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");

  const SigningSeed second =
      seed_of("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  EXPECT_EQ(base::hex(sign(second, Bytes{0x72})),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Verify, TakesTheRightSignatureOnly) {
  const SigningSeed seed = make_signing_seed();
  const PublicKey key = public_key_of(seed);
  const Bytes message = {1, 2, 3};
  const Signature signature = sign(seed, message);
  EXPECT_TRUE(verify(key, message, signature));
  EXPECT_FALSE(verify(key, Bytes{1, 2, 4}, signature));
  EXPECT_FALSE(verify(public_key_of(make_signing_seed()), message, signature));
  EXPECT_FALSE(verify(PublicKey{}, message, signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Signature changed = signature;
    changed[i] ^= 0x10;
    EXPECT_FALSE(verify(key, message, changed)) << "byte " << i;
  }
}

}  // namespace
}  // namespace samhain::crypto
