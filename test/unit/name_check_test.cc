#include "server/name_check.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "unit/fake_clock.h"

namespace samhain::server {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// Keeps what it is told.
class Listener final : public sink::Sink {
 public:
  explicit Listener(std::vector<Report>& heard) : heard_(heard) {}
  std::string_view service() const override { return "listener"; }
  std::string object() const override { return {}; }
  Result<void> write(const Report& report) override {
    heard_.push_back(report);
    return {};
  }

 private:
  std::vector<Report>& heard_;
};

class NameCheckTest : public ::testing::Test {
 protected:
  NameCheckTest() {
    dispatcher_.add(std::make_unique<Listener>(heard_),
                    sink::Filter{SeveritySet::from(Severity::Debug)});
  }
  void judge(const NameFacts& facts, const std::string& address = "192.0.2.1") {
    check_.judge("client1.example.test", address, facts);
  }

  test::FakeClock clock_;
  std::vector<Report> heard_;
  sink::Dispatcher dispatcher_{clock_};
  Notices notices_{clock_, dispatcher_};
  std::unique_ptr<sys::Loop> loop_ = *sys::Loop::create();
  Lookups lookups_{*loop_, clock_};
  NameCheck check_{clock_, lookups_, notices_};

  const NameFacts kUnknown{};
  const NameFacts kNameless{.claim_resolves = true, .peer_name = {}};
  const NameFacts kRight{.claim_resolves = true,
                         .peer_confirmed = true,
                         .claim_matches = true,
                         .peer_name = "client1.example.test"};
};

TEST_F(NameCheckTest, SaysNothingOfWhatFits) {
  judge(kRight);
  EXPECT_TRUE(heard_.empty());
}

TEST_F(NameCheckTest, TellsEachReasonOnceAnHourAndThenHowManyItLeftOut) {
  for (int i = 0; i < 5; ++i) judge(kUnknown);
  judge(kNameless);
  ASSERT_EQ(heard_.size(), 2U);
  EXPECT_EQ(heard_[0].message(), "Cannot resolve client name");
  EXPECT_EQ(heard_[0].find("count"), "");
  EXPECT_EQ(heard_[1].message(), "Cannot resolve socket peer IP for client");

  clock_.advance(minutes{59});
  judge(kUnknown);
  EXPECT_EQ(heard_.size(), 2U);
  clock_.advance(minutes{1});
  judge(kUnknown);
  ASSERT_EQ(heard_.size(), 3U);
  EXPECT_EQ(heard_[2].find("count"), "5");

  clock_.advance(hours{1});
  judge(kUnknown);
  ASSERT_EQ(heard_.size(), 4U);
  EXPECT_EQ(heard_[3].find("count"), "") << "nothing was left out";
}

TEST_F(NameCheckTest, TellsOfAnotherAddressAtOnce) {
  judge(kUnknown);
  judge(kUnknown, "192.0.2.2");
  EXPECT_EQ(heard_.size(), 2U);
}

}  // namespace
}  // namespace samhain::server
