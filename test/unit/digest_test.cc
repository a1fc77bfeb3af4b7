#include "crypto/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/hex.h"

namespace samhain::crypto {
namespace {

// FIPS 180-2, appendix B, and the digest of nothing.
constexpr std::string_view kEmpty =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kMillion =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, AgreesWithTheStandard) {
  EXPECT_EQ(base::hex(sha256({})), kEmpty);
  EXPECT_EQ(base::hex(sha256(as_bytes("abc"))), kAbc);
  EXPECT_EQ(base::hex(sha256(as_bytes(std::string(1'000'000, 'a')))), kMillion);
}

TEST(Sha256, TakesPiecesOfAnySize) {
  Sha256 digest;
  const std::string piece(333, 'a');
  for (int i = 0; i < 3003; ++i) digest.update(as_bytes(piece));
  digest.update(as_bytes("a"));
  digest.update({});
  EXPECT_EQ(base::hex(digest.finish()), kMillion);
}

TEST(Sha256, StartsAfreshAfterEachDigest) {
  Sha256 digest;
  digest.update(as_bytes("abc"));
  EXPECT_EQ(base::hex(digest.finish()), kAbc);
  EXPECT_EQ(base::hex(digest.finish()), kEmpty);
  digest.update(as_bytes("abc"));
  EXPECT_EQ(base::hex(digest.finish()), kAbc);
}

TEST(Sha256, TellsTheDigestOfAPrefixOnTheWay) {
  Sha256 digest;
  EXPECT_EQ(base::hex(digest.finish_so_far()), kEmpty);
  digest.update(as_bytes("a"));
  EXPECT_EQ(digest.finish_so_far(), sha256(as_bytes("a")));
  EXPECT_EQ(digest.finish_so_far(), sha256(as_bytes("a")));
  digest.update(as_bytes("bc"));
  EXPECT_EQ(base::hex(digest.finish()), kAbc);
}

}  // namespace
}  // namespace samhain::crypto
