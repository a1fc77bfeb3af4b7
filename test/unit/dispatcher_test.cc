#include "sink/dispatcher.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sink_support.h"

namespace samhain::sink {
namespace {

/// What a test sees of its sink, which the dispatcher owns.
struct Record {
  std::vector<std::string> messages;
  std::vector<Report> reports;
  bool fails_to_write = false;
  bool fails_to_flush = false;
  int flushes = 0;
};

class Recorder final : public Sink {
 public:
  Recorder(std::string service, Record& record) : service_(std::move(service)), record_(record) {}
  std::string_view service() const override { return service_; }
  std::string object() const override { return "/" + service_; }
  Result<void> write(const Report& report) override {
    if (record_.fails_to_write) return Error{Error::Kind::Busy, "no reader"};
    record_.messages.emplace_back(report.message());
    record_.reports.push_back(report);
    return {};
  }
  Result<void> flush() override {
    ++record_.flushes;
    if (record_.fails_to_flush) return system_error("flush", ENOSPC);
    return {};
  }

 private:
  std::string service_;
  Record& record_;
};

class DispatcherTest : public testing::Test {
 protected:
  void add(const std::string& service, Record& record, Severity lowest = Severity::Debug,
           bool takes_clients = false) {
    dispatcher.add(std::make_unique<Recorder>(service, record), {SeveritySet::from(lowest)},
                   takes_clients);
  }
  TestClock clock;
  Dispatcher dispatcher{clock};
  Record console;
  Record log;
  Record third;
};

TEST_F(DispatcherTest, GivesEachReportToTheSinksWhoseThresholdTakesIt) {
  add("console", console, Severity::Info);
  add("logfile", log, Severity::Mark);
  dispatcher.submit(some_report(Severity::Info));
  dispatcher.submit(some_report(Severity::Crit));
  EXPECT_EQ(console.messages.size(), 2U);
  EXPECT_EQ(log.messages.size(), 1U);

  dispatcher.set_filter("console", {});
  dispatcher.submit(some_report(Severity::Alert));
  EXPECT_EQ(console.messages.size(), 2U);
  EXPECT_EQ(log.messages.size(), 2U);
}

TEST_F(DispatcherTest, PassesAClientsReportWhateverTheThreshold) {
  Record silent;
  Record third_own;
  dispatcher.add(std::make_unique<Recorder>("console", console), {}, true);
  dispatcher.add(std::make_unique<Recorder>("logfile", log), {}, true);
  add("syslog", third, Severity::Alert, true);
  add("mail", third_own, Severity::Alert, false);
  Report report = some_report(Severity::Info);
  report.client = "client1";
  dispatcher.submit(report);
  EXPECT_TRUE(console.messages.empty()) << "PrintSeverity=none shuts the console";
  EXPECT_EQ(log.messages.size(), 1U) << "the log file takes them always";
  EXPECT_EQ(third.messages.size(), 1U);
  EXPECT_TRUE(third_own.messages.empty()) << "by its severity, like an own report";
}

TEST_F(DispatcherTest, PassesOwnReportsByClassToo) {
  Filter only_events{SeveritySet::from(Severity::Debug), {}};
  only_events.classes.add(EventClass::Event);
  dispatcher.add(std::make_unique<Recorder>("logfile", log), only_events, true);
  dispatcher.submit(report::make(report::kTimestamp, 0));
  dispatcher.submit(some_report());
  EXPECT_EQ(log.messages, (std::vector<std::string>{"POLICY MISSING"}));
}

TEST_F(DispatcherTest, TakesClientsReportsByTheRulesThatAreOn) {
  Filter filter{SeveritySet::from(Severity::Crit), {}};
  filter.classes.add(EventClass::Stamp);
  dispatcher.add(std::make_unique<Recorder>("logfile", log), filter, true);
  Report event = some_report(Severity::Crit);
  event.client = "client1";
  Report stamp = report::make(report::kTimestamp, 0);
  stamp.client = "client1";
  const auto passes = [this](const Report& report) {
    const std::size_t before = log.messages.size();
    const bool is_wanted = dispatcher.would_take("logfile", report);
    dispatcher.submit(report);
    EXPECT_EQ(is_wanted, log.messages.size() != before);
    return is_wanted;
  };
  EXPECT_TRUE(passes(event) && passes(stamp));
  dispatcher.set_client_rules({.by_severity = true});
  EXPECT_TRUE(passes(event));
  EXPECT_FALSE(passes(stamp)) << "mark is below crit";
  dispatcher.set_client_rules({.by_class = true});
  EXPECT_FALSE(passes(event)) << "EVENT is not in the list";
  EXPECT_TRUE(passes(stamp));
}

TEST_F(DispatcherTest, TellsAFailureOnceOnTheOthers) {
  add("console", console);
  add("logfile", log);
  console.fails_to_write = true;
  dispatcher.submit(some_report());
  dispatcher.submit(some_report());
  ASSERT_EQ(log.reports.size(), 3U);
  EXPECT_EQ(log.reports[1].message(), "Service failure");
  EXPECT_EQ(log.reports[1].find("service"), "console");
  EXPECT_EQ(log.reports[1].find("obj"), "/console");
  EXPECT_EQ(log.reports[1].find("reason"), "no reader");
}

TEST_F(DispatcherTest, TellsHowManyWereMissedWhenItWorksAgain) {
  add("console", console);
  add("logfile", log);
  console.fails_to_write = true;
  for (int i = 0; i < 3; ++i) dispatcher.submit(some_report());
  dispatcher.flush();
  console.fails_to_write = false;
  dispatcher.submit(some_report());
  dispatcher.flush();
  ASSERT_FALSE(log.reports.empty());
  EXPECT_EQ(log.reports.back().message(), "Service works again");
  EXPECT_EQ(log.reports.back().find("missed"), "3");
  EXPECT_EQ(console.reports.back().message(), "Service works again");

  console.fails_to_write = true;
  dispatcher.submit(some_report());
  EXPECT_EQ(log.messages.back(), "Service failure") << "told again after a success";
}

TEST_F(DispatcherTest, DoesNotTakeAnIdleFlushForASuccess) {
  add("console", console);
  add("logfile", log);
  console.fails_to_write = true;
  dispatcher.submit(some_report());
  dispatcher.flush();
  console.fails_to_write = false;
  const std::size_t before = log.messages.size();
  dispatcher.flush();
  EXPECT_EQ(log.messages.size(), before);
}

TEST_F(DispatcherTest, TellsAFailedFlushAndItsEnd) {
  add("console", console);
  add("logfile", log);
  log.fails_to_flush = true;
  dispatcher.submit(some_report());
  dispatcher.flush();
  dispatcher.flush();
  EXPECT_EQ(console.messages, (std::vector<std::string>{"POLICY MISSING", "Service failure"}));
  log.fails_to_flush = false;
  dispatcher.flush();
  EXPECT_EQ(console.messages.back(), "Service works again");
  EXPECT_EQ(console.reports.back().find("missed"), "0");
}

TEST_F(DispatcherTest, RemovesOneServiceAndKeepsWhatTheOthersMissed) {
  add("console", console);
  add("logfile", log);
  log.fails_to_write = true;
  dispatcher.submit(report::make(report::kTimestamp, 0));
  dispatcher.flush();
  dispatcher.remove("console");
  add("console", third);

  log.fails_to_write = false;
  dispatcher.submit(report::make(report::kTimestamp, 0));
  dispatcher.flush();
  EXPECT_EQ(console.messages.size(), 2U) << "the report and the failure, nothing after the removal";
  ASSERT_FALSE(third.reports.empty());
  EXPECT_EQ(third.reports.back().find("missed"), "1");
}

TEST_F(DispatcherTest, SurvivesThatAllSinksFail) {
  add("console", console);
  add("logfile", log);
  add("log server", third);
  console.fails_to_write = log.fails_to_write = third.fails_to_write = true;
  dispatcher.submit(some_report());
  dispatcher.flush();
  console.fails_to_write = log.fails_to_write = third.fails_to_write = false;
  dispatcher.submit(some_report());
  dispatcher.flush();
  EXPECT_EQ(console.messages.front(), "POLICY MISSING");
  EXPECT_EQ(console.messages.size(), 4U) << "the report and three recoveries";
}

}  // namespace
}  // namespace samhain::sink
