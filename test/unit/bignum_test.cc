#include "crypto/bignum.h"

#include <gtest/gtest.h>

#include "samhain/secret.h"

namespace samhain::crypto {
namespace {

TEST(BigNumber, KeepsItsValueThereAndBack) {
  const Bytes bytes = {0x01, 0x02, 0xFF};
  EXPECT_EQ(to_bytes(*from_bytes(bytes), 3), bytes);
}

TEST(BigNumber, IsFilledUpWithZerosInFront) {
  const BigNumber number = from_bytes(Bytes{0x00, 0x07});
  EXPECT_EQ(to_bytes(*number, 4), (Bytes{0, 0, 0, 7}));
  EXPECT_EQ(to_bytes(*from_bytes({}), 2), (Bytes{0, 0}));

  SecretBytes<3> secret;
  write_bytes(*number, secret.span());
  EXPECT_EQ(Bytes(secret.span().begin(), secret.span().end()), (Bytes{0, 0, 7}));
}

TEST(BigNumberDeathTest, NeverLosesDigits) {
  const BigNumber number = from_bytes(Bytes{1, 0, 0});
  EXPECT_DEATH((void)to_bytes(*number, 2), "number too long");
}

}  // namespace
}  // namespace samhain::crypto
