#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fake_clock.h"
#include "report/codec.h"
#include "server/journal.h"
#include "server/ledger.h"
#include "server/relay_spool.h"

namespace samhain::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kClient = "client1.example.test";
const wire::Id kSpool{1};  // NOLINT(cert-err58-cpp): an array of bytes cannot throw

Report client_report(std::uint64_t seq, std::string text = {}) {
  Report report;
  report.severity = Severity::Crit;
  report.client = "client1";
  report.arrival_ns = 1'000'000'000;
  report.time_ns = 2'000'000'000;
  report.fields = {{"msg", text.empty() ? "report " + std::to_string(seq) : std::move(text)}};
  return report;
}

/// A log, its ledger and a relay's spool, killed and opened again at will.
class RelayTest : public testing::Test {
 protected:
  RelayTest() {
    std::string pattern = (fs::temp_directory_path() / "relay-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~RelayTest() override {
    close();
    fs::remove_all(directory_);
  }
  RelayTest(const RelayTest&) = delete;
  RelayTest& operator=(const RelayTest&) = delete;

  void close() {
    log_.reset();
    second_log_.reset();
    ledger_.reset();
    relay_.reset();
  }
  std::unique_ptr<sink::LogFile> open_log(const std::string& name) const {
    sink::LogFile::Settings settings;
    settings.path = directory_ / name;
    auto log = sink::LogFile::open(settings);
    EXPECT_TRUE(log) << log.error().text();
    return log ? std::move(*log) : nullptr;
  }
  void open_without_landing(const std::string& spool = "relay") {
    close();
    log_ = open_log("yule_log");
    second_log_ = open_log("yule_log.client2");
    auto ledger = Ledger::open(directory_ / "yule_log.ledger", directory_ / "yule_log");
    ASSERT_TRUE(ledger) << ledger.error().text();
    ledger_ = std::move(*ledger);
    auto relay = RelaySpool::open({.directory = directory_ / spool}, "next.example.test", clock_);
    ASSERT_TRUE(relay) << relay.error().text();
    relay_ = std::move(*relay);
  }
  void open(const std::string& spool = "relay") {
    open_without_landing(spool);
    if (auto left = ledger_->left()) {
      ASSERT_TRUE(relay_->land(std::move(*left)));
      ledger_->hand_on();
    }
  }
  void gather(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t seq = from; seq < to; ++seq) {
      ASSERT_TRUE(log_->write(client_report(seq)));
      relay_->gather(client_report(seq), 0, report::Form::Guide);
      ledger_->advance(kClient, kSpool, seq + 1);
    }
  }
  void announce() {
    const auto landing = log_->landing();
    ASSERT_TRUE(landing);
    ASSERT_TRUE(ledger_->intend({&*landing, 1}, &relay_->batch()));
  }
  void log_batch() {
    announce();
    ASSERT_TRUE(log_->commit());
    ledger_->stand();
  }
  void commit() {
    log_batch();
    ASSERT_TRUE(relay_->land());
    ledger_->hand_on();
  }
  /// What a killed process had of its batch in the spool.
  void land_only(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto& item = relay_->batch().items[i];
      ASSERT_TRUE(relay_->spool().append(item.severity, item.body));
    }
  }
  std::uint64_t next() const { return ledger_->next(kClient, kSpool); }
  /// The clients' own messages in the spool, in order.
  std::vector<std::string> spooled() {
    std::vector<std::string> found;
    EXPECT_TRUE(relay_->spool().flush());
    EXPECT_TRUE(relay_->spool().read(0, [&](std::uint64_t, ByteView body) {
      const auto report = report::decode(body);
      EXPECT_TRUE(report);
      const std::string line{report->message()};
      const auto begin = line.find("msg=\"");
      found.push_back(
          begin == std::string::npos ? line : line.substr(begin + 5, line.rfind('"') - begin - 5));
      return true;
    }));
    return found;
  }
  static std::vector<std::string> reports(std::uint64_t from, std::uint64_t to) {
    std::vector<std::string> texts;
    for (; from < to; ++from) texts.push_back("report " + std::to_string(from));
    return texts;
  }

  test::FakeClock clock_;
  fs::path directory_;
  std::unique_ptr<sink::LogFile> log_;
  std::unique_ptr<sink::LogFile> second_log_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<RelaySpool> relay_;
};

TEST_F(RelayTest, NestsTheClientsLineInAReportOfItsOwn) {
  open();
  relay_->gather(client_report(1, "EXIT"), 0, report::Form::Guide);
  const auto report = report::decode(relay_->batch().items.at(0).body);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->severity, Severity::Inet);
  EXPECT_EQ(report->event_class, EventClass::Tcp);
  EXPECT_EQ(report->time_ns, 1'000'000'000);
  ASSERT_EQ(report->fields.size(), 2U);
  EXPECT_EQ(report->fields[0], (Field{"client", "client1"}));
  // Whoever looks for EXIT among the messages of the relay does not find that of its client.
  Report inner = client_report(1, "EXIT");
  inner.client.clear();
  EXPECT_EQ(report->message(), report::line_of(inner, report::Form::Guide));
}

TEST_F(RelayTest, KilledBeforeTheLogHasTheBatchItForgetsIt) {
  open();
  gather(1, 4);
  commit();
  gather(4, 6);
  announce();
  open();
  EXPECT_EQ(next(), 4U);
  EXPECT_EQ(spooled(), reports(1, 4));
  gather(4, 6);  // the client sends them again
  commit();
  EXPECT_EQ(spooled(), reports(1, 6));
}

TEST_F(RelayTest, KilledAnywhereBetweenLogAndSpoolItPassesOnEachReportOnce) {
  for (std::size_t landed = 0; landed <= 3; ++landed) {
    fs::remove_all(directory_);
    fs::create_directory(directory_);
    open();
    gather(1, 3);
    commit();
    gather(3, 6);
    log_batch();
    land_only(landed);
    open();
    EXPECT_EQ(next(), 6U) << landed;
    EXPECT_EQ(spooled(), reports(1, 6)) << landed;
    open();
    EXPECT_EQ(spooled(), reports(1, 6)) << landed;
    close();
  }
}

TEST_F(RelayTest, KeepsABatchThatStandsOverEveryRestartUntilItIsInTheSpool) {
  open();
  gather(1, 4);
  log_batch();
  land_only(1);
  open_without_landing();
  open_without_landing();
  ASSERT_TRUE(ledger_->compact());
  open();
  EXPECT_EQ(spooled(), reports(1, 4));
}

TEST_F(RelayTest, APowerCutThatTookTheLandedBatchFromTheSpoolIsMadeGood) {
  open();
  gather(1, 4);
  commit();
  fs::copy(directory_ / "relay", directory_ / "older", fs::copy_options::recursive);
  gather(4, 6);
  log_batch();
  open("older");
  EXPECT_EQ(spooled(), reports(1, 6));
}

TEST_F(RelayTest, ANewSpoolGetsWhatTheOldOneCouldNotTake) {
  open();
  gather(1, 3);
  commit();
  gather(3, 6);
  log_batch();
  open("another");
  EXPECT_EQ(spooled(), reports(3, 6));
}

TEST_F(RelayTest, PassesOnOnlyWhatIsInTheLogsThatHaveTheirPart) {
  open();
  ASSERT_TRUE(log_->write(client_report(1, "in the main log")));
  ASSERT_TRUE(second_log_->write(client_report(1, "in the other log")));
  relay_->gather(client_report(1, "in the other log"), 1, report::Form::Guide);
  relay_->gather(client_report(1, "in the main log"), 0, report::Form::Guide);
  const std::vector<sink::Landing> landings = {*log_->landing(), *second_log_->landing()};
  ASSERT_TRUE(ledger_->intend(landings, &relay_->batch()));
  ASSERT_TRUE(log_->commit());
  open();
  EXPECT_EQ(spooled(), std::vector<std::string>{"in the main log"});
}

TEST_F(RelayTest, OwnReportsGoTheirOwnWay) {
  open();
  Report own;
  own.fields = {{"msg", "own"}};
  ASSERT_TRUE(relay_->write(own));
  ASSERT_TRUE(relay_->write(client_report(1)));  // comes with the batch
  ASSERT_TRUE(relay_->flush());
  EXPECT_EQ(spooled(), std::vector<std::string>{"own"});
}

TEST_F(RelayTest, WhatIsLeftOfAnotherConfigurationIsForgottenForGood) {
  open();
  gather(1, 4);
  log_batch();
  open_without_landing();
  Journal journal(std::move(log_), std::move(ledger_));
  ASSERT_TRUE(journal.relay_to_nobody());
  EXPECT_FALSE(journal.ledger().left());
}

}  // namespace
}  // namespace samhain::server
