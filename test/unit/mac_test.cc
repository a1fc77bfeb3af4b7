#include "crypto/mac.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/hex.h"

namespace samhain::crypto {
namespace {

// The RFC's keys are shorter than ours; HMAC fills keys up with zeros, so they are the same keys.
Key key_of(ByteView bytes) {
  Key key;
  std::copy(bytes.begin(), bytes.end(), key.span().begin());
  return key;
}

Tag tag_of(Mac& mac, std::string_view text) {
  const std::array<ByteView, 1> parts = {as_bytes(text)};
  return mac.compute(parts);
}

TEST(Mac, AgreesWithRfc4231) {
  Mac first{key_of(Bytes(20, 0x0B))};
  EXPECT_EQ(base::hex(tag_of(first, "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  Mac second{key_of(as_bytes("Jefe"))};
  EXPECT_EQ(base::hex(tag_of(second, "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Mac, IsTheSameEachTimeAndForAnyParts) {
  Mac mac{key_of(as_bytes("Jefe"))};
  const Tag whole = tag_of(mac, "what do ya want for nothing?");
  const std::array<ByteView, 3> parts = {as_bytes("what do "), ByteView{},
                                         as_bytes("ya want for nothing?")};
  EXPECT_EQ(mac.compute(parts), whole);
  EXPECT_EQ(tag_of(mac, "what do ya want for nothing?"), whole);
}

TEST(Mac, DiffersForAnotherTextAndForAnotherKey) {
  Mac mac{key_of(as_bytes("Jefe"))};
  Mac other{key_of(as_bytes("jefe"))};
  EXPECT_NE(tag_of(mac, "a"), tag_of(mac, "b"));
  EXPECT_NE(tag_of(mac, "a"), tag_of(other, "a"));
}

TEST(DeriveKey, AgreesWithRfc5869) {
  const Key key = derive_key(Bytes(22, 0x0B), *base::unhex("000102030405060708090a0b0c"),
                             as_text(*base::unhex("f0f1f2f3f4f5f6f7f8f9")));
  EXPECT_EQ(base::hex(key.span()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(DeriveKey, MakesOneKeyForEachUse) {
  const Bytes input(32, 1);
  const Bytes salt(16, 2);
  const Key report = derive_key(input, salt, "report");
  EXPECT_FALSE(equal_secrets(report.span(), derive_key(input, salt, "file").span()));
  EXPECT_FALSE(equal_secrets(report.span(), derive_key(input, Bytes(16, 3), "report").span()));
  EXPECT_TRUE(equal_secrets(report.span(), derive_key(input, salt, "report").span()));
}

TEST(EqualSecrets, ComparesSizeAndEveryByte) {
  EXPECT_TRUE(equal_secrets(as_bytes("abc"), as_bytes("abc")));
  EXPECT_TRUE(equal_secrets({}, {}));
  EXPECT_FALSE(equal_secrets(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal_secrets(as_bytes("abc"), as_bytes("ab")));
}

}  // namespace
}  // namespace samhain::crypto
