#include "server/limiter.h"

#include <gtest/gtest.h>

#include "fake_clock.h"

namespace samhain::server {
namespace {

using std::chrono::seconds;

TEST(LimiterTest, BlocksAnAddressAtItsLimitAndNoOther) {
  test::FakeClock clock;
  Limiter limiter(clock, 3);
  for (int i = 0; i < 2; ++i) limiter.count_failure("192.0.2.1");
  EXPECT_FALSE(limiter.is_blocked("192.0.2.1"));
  limiter.count_failure("192.0.2.1");
  EXPECT_TRUE(limiter.is_blocked("192.0.2.1"));
  EXPECT_FALSE(limiter.is_blocked("192.0.2.2"));
}

TEST(LimiterTest, LetsAnAddressTryAgainAfterAMinute) {
  test::FakeClock clock;
  Limiter limiter(clock, 1);
  limiter.count_failure("192.0.2.1");
  clock.advance(seconds{59});
  EXPECT_TRUE(limiter.is_blocked("192.0.2.1"));
  clock.advance(seconds{1});
  EXPECT_FALSE(limiter.is_blocked("192.0.2.1"));
}

TEST(LimiterTest, CountsAnewInEachMinute) {
  test::FakeClock clock;
  Limiter limiter(clock, 2);
  limiter.count_failure("192.0.2.1");
  clock.advance(seconds{61});
  limiter.count_failure("192.0.2.1");
  EXPECT_FALSE(limiter.is_blocked("192.0.2.1"));
  limiter.count_failure("192.0.2.1");
  EXPECT_TRUE(limiter.is_blocked("192.0.2.1"));
}

TEST(LimiterTest, TellsOfAnAddressOnceAMinute) {
  test::FakeClock clock;
  Limiter limiter(clock, 1);
  EXPECT_TRUE(limiter.may_tell("192.0.2.1"));
  EXPECT_FALSE(limiter.may_tell("192.0.2.1"));
  EXPECT_TRUE(limiter.may_tell("192.0.2.2"));
  clock.advance(seconds{60});
  EXPECT_TRUE(limiter.may_tell("192.0.2.1"));
}

TEST(LimiterTest, CountsIpv6ByItsNetworkAndIpv4ByItself) {
  EXPECT_EQ(limit_key("2001:db8:1:2::3"), limit_key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(limit_key("2001:db8:1:2::3"), limit_key("2001:db8:1:3::3"));
  EXPECT_EQ(limit_key("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(limit_key("192.0.2.1"), "192.0.2.1");
}

TEST(LimiterTest, StaysBoundedWhateverTheNumberOfAddresses) {
  test::FakeClock clock;
  Limiter limiter(clock, 1);
  for (std::size_t i = 0; i < 2 * Limiter::kMaxAddresses; ++i) {
    limiter.count_failure("2001:db8::" + std::to_string(i));
    ASSERT_LE(limiter.size(), Limiter::kMaxAddresses);
  }
}

}  // namespace
}  // namespace samhain::server
