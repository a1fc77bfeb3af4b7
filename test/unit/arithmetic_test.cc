#include "srp/arithmetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/hex.h"
#include "srp_vectors.h"

namespace samhain::srp {
namespace {

// RFC 5054, appendix B.
constexpr std::string_view kSalt = "beb25379d1a8581eb5a727673a2441ee";
constexpr std::string_view kK = "7556aa045aef2cdd07abaf0f665c3e818913186f";
constexpr std::string_view kX = "94b7555aabe9127cc58ccf4993db6cf84d16c124";
constexpr std::string_view kV =
    "7e273de8696ffc4f4e337d05b4b375beb0dde1569e8fa00a9886d8129bada1f1822223ca1a605b530e379ba4729fdc"
    "59"
    "f105b4787e5186f5c671085a1447b52a48cf1970b4fb6f8400bbf4cebfbb168152e08ab5ea53d15c1aff87b2b9da6e"
    "04"
    "e058ad51cc72bfc9033b564e26480d78e955a5e29e7ab245db2be315e2099afb";
constexpr std::string_view kA = "60975527035cf2ad1989806f0407210bc81edc04e2762a56afd529ddda2d4393";
constexpr std::string_view kB = "e487cb59d31ac550471e81f00f6928e01dda08e974a004f49e61f5d105284d20";
constexpr std::string_view kAPublic =
    "61d5e490f6f1b79547b0704c436f523dd0e560f0c64115bb72557ec44352e8903211c04692272d8b2d1a5358a2cf1b"
    "6e"
    "0bfcf99f921530ec8e39356179eae45e42ba92aeaced825171e1e8b9af6d9c03e1327f44be087ef06530e69f666152"
    "61"
    "eef54073ca11cf5858f0edfdfe15efeab349ef5d76988a3672fac47b0769447b";
constexpr std::string_view kBPublic =
    "bd0c61512c692c0cb6d041fa01bb152d4916a1e77af46ae105393011baf38964dc46a0670dd125b95a981652236f99"
    "d9"
    "b681cbf87837ec996c6da04453728610d0c6ddb58b318885d7d82c7f8deb75ce7bd4fbaa37089e6f9c6059f388838e"
    "7a"
    "00030b331eb76840910440b1b27aaeaeeb4012b7d7665238a8e3fb004b117b58";
constexpr std::string_view kU = "ce38b9593487da98554ed47d70a7ae5f462ef019";
constexpr std::string_view kS =
    "b0dc82babcf30674ae450c0287745e7990a3381f63b387aaf271a10d233861e359b48220f7c4693c9ae12b0a6f6780"
    "9f"
    "0876e2d013800d6c41bb59b6d5979b5c00a172b4a2a5903a0bdcaf8a709585eb2afafa8f3499b200210dcc1f10eb33"
    "94"
    "3cd67fc88a2f39a4be5bec4ec0a3212dc346d7e474b29ede8a469ffeca686e5a";

BigNumber number(std::string_view digits) { return crypto::from_bytes(*base::unhex(digits)); }

std::string digits(const BigNumber& value, std::size_t size) {
  return base::hex(crypto::to_bytes(*value, size));
}

template <std::size_t N>
std::array<std::uint8_t, N> array(std::string_view digits) {
  const Bytes bytes = *base::unhex(digits);
  std::array<std::uint8_t, N> result{};
  EXPECT_EQ(bytes.size(), N);
  std::copy_n(bytes.begin(), std::min(bytes.size(), N), result.begin());
  return result;
}

TEST(Arithmetic, AgreesWithRfc5054) {
  const Group& group = group_1024();
  EXPECT_EQ(digits(group.multiplier, 20), kK);

  const BigNumber inner =
      hash_number(group, std::array<ByteView, 1>{as_bytes("alice:password123")});
  const Bytes inner_bytes = crypto::to_bytes(*inner, 20);
  const BigNumber x = hash_number(group, std::array<ByteView, 2>{*base::unhex(kSalt), inner_bytes});
  EXPECT_EQ(digits(x, 20), kX);

  const BigNumber a = number(kA);
  const BigNumber b = number(kB);
  const BigNumber v = power_of_generator(group, *x);
  EXPECT_EQ(digits(v, 128), kV);
  const BigNumber a_public = power_of_generator(group, *a);
  EXPECT_EQ(digits(a_public, 128), kAPublic);
  const BigNumber b_public = server_public(group, *v, *b);
  EXPECT_EQ(digits(b_public, 128), kBPublic);
  const auto u = scrambler(group, *a_public, *b_public);
  ASSERT_TRUE(u);
  EXPECT_EQ(digits(*u, 20), kU);
  EXPECT_EQ(digits(client_secret(group, *b_public, *x, *a, **u), 128), kS);
  EXPECT_EQ(digits(server_secret(group, *a_public, *v, **u, *b), 128), kS);
}

class Reference : public testing::TestWithParam<ReferenceCase> {};

TEST_P(Reference, AgreesWithPython) {
  const ReferenceCase& given = GetParam();
  const Group& group = group_3072();
  const Salt salt = array<16>(given.salt);
  const BigNumber a = number(given.a);
  const BigNumber b = number(given.b);

  const BigNumber x = password_exponent(given.password, salt);
  EXPECT_EQ(digits(x, 32), given.x);
  const BigNumber v = power_of_generator(group, *x);
  EXPECT_EQ(digits(v, 384), given.v);
  const BigNumber a_public = power_of_generator(group, *a);
  EXPECT_EQ(digits(a_public, 384), given.a_public);
  const BigNumber b_public = server_public(group, *v, *b);
  EXPECT_EQ(digits(b_public, 384), given.b_public);
  const auto u = scrambler(group, *a_public, *b_public);
  ASSERT_TRUE(u);
  EXPECT_EQ(digits(*u, 32), given.u);
  const BigNumber secret = client_secret(group, *b_public, *x, *a, **u);
  EXPECT_EQ(digits(secret, 384), given.secret);
  EXPECT_EQ(digits(server_secret(group, *a_public, *v, **u, *b), 384), given.secret);

  const SessionKey key = agreed_key(*secret);
  EXPECT_EQ(base::hex(key.span()), given.key);
  const Speaker speaker{given.name, array<16>(given.instance_id), array<16>(given.spool_id)};
  const Number a_bytes = array<384>(given.a_public);
  const Number b_bytes = array<384>(given.b_public);
  const ChannelBinding binding = array<32>(given.binding);
  const Exchange seen{speaker, salt, a_bytes, b_bytes, binding};
  const Proof m1 = client_proof(seen, key);
  EXPECT_EQ(base::hex(m1), given.m1);
  EXPECT_EQ(base::hex(server_proof(seen, m1, key)), given.m2);
}

INSTANTIATE_TEST_SUITE_P(All, Reference, testing::ValuesIn(kReferenceCases));

TEST(Arithmetic, RefusesPublicNumbersThatAreZeroModuloN) {
  const Group& group = group_3072();
  const BigNumber zero = crypto::from_bytes({});
  const BigNumber one = number("01");
  const BigNumber twice{BN_dup(group.prime.get())};
  ASSERT_EQ(BN_lshift1(twice.get(), twice.get()), 1);
  for (const BIGNUM* bad : {zero.get(), group.prime.get(), twice.get()}) {
    const auto checked = check_public(group, *bad);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, Error::Kind::Refused);
  }
  EXPECT_TRUE(check_public(group, *one));
}

TEST(Arithmetic, DrawsAnotherExponentEachTime) {
  EXPECT_NE(digits(random_exponent(), 32), digits(random_exponent(), 32));
}

}  // namespace
}  // namespace samhain::srp
