#include "server/separate_logs.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "server/journal.h"

namespace samhain::server {
namespace {

namespace fs = std::filesystem;

TEST(LogNamesTest, KeepsApartWhatDiffersInTheDomainOnly) {
  const LogNames names =
      log_names({"client1.a.test", "client1.b.test", "client2.a.test", "192.0.2.9"}, true);
  EXPECT_EQ(names.at("client1.a.test"), "client1.a.test");
  EXPECT_EQ(names.at("client1.b.test"), "client1.b.test");
  EXPECT_EQ(names.at("client2.a.test"), "client2");
  EXPECT_EQ(names.at("192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(log_names({"client2.a.test"}, false).at("client2.a.test"), "client2.a.test");
}

TEST(LogNamesTest, NeverLeavesTheDirectoryNorTakesTheNameOfAnotherFile) {
  const LogNames names =
      log_names({"ledger", "lock.a.test", "7", "../x", std::string(300, 'a')}, true);
  EXPECT_EQ(names.at("ledger"), "@ledger");
  EXPECT_EQ(names.at("lock.a.test"), "@lock");
  EXPECT_EQ(names.at("7"), "@7");
  EXPECT_FALSE(names.contains(std::string(300, 'a')));
  for (const auto& [client, name] : names) EXPECT_EQ(name.find('/'), std::string::npos) << client;
}

class SeparateLogsTest : public testing::Test {
 protected:
  SeparateLogsTest() {
    std::string pattern = (fs::temp_directory_path() / "separate-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~SeparateLogsTest() override { fs::remove_all(directory_); }
  SeparateLogsTest(const SeparateLogsTest&) = delete;
  SeparateLogsTest& operator=(const SeparateLogsTest&) = delete;

  std::string path() const { return directory_ / "log"; }
  std::unique_ptr<Ledger> open_ledger() const {
    auto ledger = Ledger::open(path() + ".ledger", path());
    EXPECT_TRUE(ledger);
    return ledger ? std::move(*ledger) : nullptr;
  }
  std::string text(const std::string& name) const {
    std::ifstream file(directory_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static Report report_of(const std::string& client, const std::string& message) {
    Report report;
    report.client = client;
    report.fields = {{"msg", message}};
    return report;
  }

  fs::path directory_;
};

TEST_F(SeparateLogsTest, GivesEachClientItsOwnLogAndTheServerTheMainOne) {
  auto log = sink::LogFile::open({path(), {}, {}});
  ASSERT_TRUE(log);
  Journal journal(std::move(*log), open_ledger());
  journal.separate({{"a.test", "a"}, {"b.test", "b"}});
  for (const std::string client : {"a.test", "b.test", "a.test"}) {
    ASSERT_TRUE(journal.aim(client));
    ASSERT_TRUE(journal.write(report_of(client, "of " + client)));
    journal.advance(client, wire::Id{}, journal.gathered());
  }
  ASSERT_TRUE(journal.write(report_of("", "own")));
  ASSERT_TRUE(journal.flush());
  EXPECT_TRUE(journal.is_settled());
  EXPECT_NE(text("log").find("own"), std::string::npos);
  EXPECT_EQ(text("log").find("of a.test"), std::string::npos);
  EXPECT_NE(text("log.a").find("of a.test"), text("log.a").rfind("of a.test"));
  EXPECT_NE(text("log.b").find("of b.test"), std::string::npos);
  EXPECT_FALSE(fs::exists(path() + ".a.lock"));
  EXPECT_EQ(open_ledger()->next("a.test", wire::Id{}), 3U);
}

TEST_F(SeparateLogsTest, FallsBackToTheMainLogAndTellsItOnce) {
  fs::create_directory(path() + ".a");
  auto log = sink::LogFile::open({path(), {}, {}});
  ASSERT_TRUE(log);
  Journal journal(std::move(*log), open_ledger());
  journal.separate({{"a.test", "a"}});
  EXPECT_FALSE(journal.aim("a.test"));
  ASSERT_TRUE(journal.write(report_of("a.test", "of a")));
  ASSERT_TRUE(journal.flush());
  EXPECT_NE(text("log").find("of a"), std::string::npos);
  EXPECT_TRUE(journal.aim("a.test")) << "told already";
}

TEST_F(SeparateLogsTest, OpensNoMoreThanItMayAndAsksForAFlushBefore) {
  SeparateLogs logs({path(), {}, {}});
  for (std::size_t i = 0; i < 2 * SeparateLogs::kMaxOpen; ++i) {
    ASSERT_TRUE(logs.take("c" + std::to_string(i))) << i;
    if (logs.is_full()) logs.end_batch();
  }
  for (std::size_t i = 0; i < SeparateLogs::kMaxOpen; ++i) {
    ASSERT_TRUE(logs.take("d" + std::to_string(i))) << i;
  }
  EXPECT_TRUE(logs.is_full());
  EXPECT_FALSE(logs.take("one more"));
  EXPECT_EQ(*logs.take("d1"), 2U) << "what is open stays in the batch";
}

TEST_F(SeparateLogsTest, SettlesEachLogForItselfAfterACrash) {
  {
    auto ledger = open_ledger();
    auto main = sink::LogFile::open({path(), {}, {}});
    auto a = sink::LogFile::open({path() + ".a", {}, {}, false});
    auto b = sink::LogFile::open({path() + ".b", {}, {}, false});
    ASSERT_TRUE(main && a && b);
    ASSERT_TRUE((*a)->write(report_of("a", "whole")));
    ASSERT_TRUE((*b)->write(report_of("b", "torn")));
    ledger->advance("b", wire::Id{}, 1, 2);
    ledger->advance("a", wire::Id{}, 1, 1);
    const sink::Landing landings[] = {*(*main)->landing(), *(*a)->landing(), *(*b)->landing()};
    ASSERT_TRUE(ledger->intend(landings));
    ASSERT_TRUE((*a)->commit());
    std::ofstream(path() + ".b") << "half";
  }
  const auto ledger = open_ledger();
  EXPECT_EQ(ledger->next("a", wire::Id{}), 1U);
  EXPECT_EQ(ledger->next("b", wire::Id{}), 0U);
  EXPECT_EQ(text("log.b"), "");
}

}  // namespace
}  // namespace samhain::server
