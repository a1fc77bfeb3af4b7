#include "sink/uplink.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "report/codec.h"
#include "sink_support.h"
#include "spool/segment.h"
#include "spool/spool.h"

namespace samhain::sink {
namespace {

class UplinkTest : public testing::Test {
 protected:
  void open(std::uint64_t limit_bytes) {
    auto opened = spool::Spool::open({directory.file("spool"), limit_bytes, 2'000});
    ASSERT_TRUE(opened) << opened.error().text();
    spool = std::move(*opened);
    uplink = std::make_unique<Uplink>(*spool, "server", clock, [this] { ++stored; });
  }
  std::vector<Report> held() {
    std::vector<Report> reports;
    EXPECT_TRUE(spool->read(spool->first(), [&](std::uint64_t, ByteView body) {
      if (body.empty()) return true;
      const auto report = report::decode(body);
      EXPECT_TRUE(report);
      if (report) reports.push_back(*report);
      return true;
    }));
    return reports;
  }
  TemporaryDirectory directory;
  TestClock clock;
  int stored = 0;
  std::unique_ptr<spool::Spool> spool;
  std::unique_ptr<Uplink> uplink;
};

TEST_F(UplinkTest, PutsReportsIntoTheSpoolAndTellsWhenTheyAreDurable) {
  open(1U << 20);
  EXPECT_EQ(uplink->service(), "log server");
  EXPECT_EQ(uplink->object(), "server");
  const Report report = some_report();
  ASSERT_TRUE(uplink->write(report));
  EXPECT_EQ(stored, 0);
  ASSERT_TRUE(uplink->flush());
  EXPECT_EQ(stored, 1);
  ASSERT_TRUE(uplink->flush());
  EXPECT_EQ(stored, 1) << "nothing new";
  EXPECT_EQ(held(), std::vector<Report>{report});
}

TEST_F(UplinkTest, TellsTheServerWhatAFullSpoolLost) {
  open(8'000);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(uplink->write(some_report(Severity::Warn)));
  ASSERT_TRUE(uplink->flush());
  std::vector<Report> reports = held();
  ASSERT_FALSE(reports.empty());
  const Report& told = reports.back();
  EXPECT_EQ(told.message(), "Reports lost, the spool was full");
  EXPECT_EQ(std::stoul(std::string{told.find("count")}), 500 - (reports.size() - 1));

  for (int i = 0; i < 500; ++i) ASSERT_TRUE(uplink->write(some_report(Severity::Warn)));
  ASSERT_TRUE(uplink->flush());
  EXPECT_NE(held().back().message(), told.message()) << "once a minute at most";
  clock.steady_now += std::chrono::minutes{2};
  ASSERT_TRUE(uplink->flush());
  EXPECT_EQ(held().back().message(), told.message());
  EXPECT_GE(std::stoul(std::string{held().back().find("count")}), 500U);
}

TEST_F(UplinkTest, KeepsTheCountIfThereIsNoRoomToTellIt) {
  open(8'000);
  const Report important = some_report(Severity::Alert);
  const std::size_t fitting = 8'000 / (report::encode(important).size() + spool::kRecordOverhead);
  for (std::size_t i = 0; i < fitting; ++i) ASSERT_TRUE(uplink->write(important));
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(uplink->write(some_report(Severity::Warn)));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(uplink->flush());
    EXPECT_EQ(held().size(), fitting);
    clock.steady_now += std::chrono::minutes{2};
  }
  ASSERT_TRUE(spool->drop_through(spool->next() - 1));
  ASSERT_TRUE(uplink->flush());
  const Report told = held().back();
  EXPECT_EQ(told.message(), "Reports lost, the spool was full");
  EXPECT_EQ(std::stoul(std::string{told.find("count")}), 500U);
}

}  // namespace
}  // namespace samhain::sink
