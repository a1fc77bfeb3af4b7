#include "server/ledger.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "server/journal.h"

namespace samhain::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kClient = "client1.example.test";

wire::Id id_of(std::uint8_t number) {
  wire::Id id{};
  id[15] = number;
  return id;
}
const wire::Id kSpool = id_of(1);  // NOLINT(cert-err58-cpp): an array of bytes cannot throw

Report client_report(std::uint64_t seq) {
  Report report;
  report.severity = Severity::Crit;
  report.client = "client1";
  report.fields = {{"msg", "report " + std::to_string(seq)}};
  return report;
}

/// A log and a ledger in a directory of their own, killed and opened again at will.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string pattern = (fs::temp_directory_path() / "ledger-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~LedgerTest() override { fs::remove_all(directory_); }
  LedgerTest(const LedgerTest&) = delete;
  LedgerTest& operator=(const LedgerTest&) = delete;

  fs::path log_path() const { return directory_ / "yule_log"; }
  fs::path ledger_path() const { return directory_ / "yule_log.ledger"; }

  void open() {
    log_.reset();
    ledger_.reset();
    sink::LogFile::Settings settings;
    settings.path = log_path();
    auto log = sink::LogFile::open(settings);
    ASSERT_TRUE(log) << log.error().text();
    log_ = std::move(*log);
    auto ledger = Ledger::open(ledger_path(), log_path());
    ASSERT_TRUE(ledger) << ledger.error().text();
    ledger_ = std::move(*ledger);
  }
  void gather(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t seq = from; seq < to; ++seq) {
      ASSERT_TRUE(log_->write(client_report(seq)));
      ledger_->advance(kClient, kSpool, seq + 1);
    }
  }
  void announce() {
    const auto landing = log_->landing();
    ASSERT_TRUE(landing);
    ASSERT_TRUE(ledger_->intend({&*landing, 1}));
  }
  void commit() {
    announce();
    ASSERT_TRUE(log_->commit());
    ledger_->stand();
  }
  std::uint64_t next() const { return ledger_->next(kClient, kSpool); }
  std::size_t lines() const {
    std::ifstream file(log_path());
    return static_cast<std::size_t>(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
  }

  fs::path directory_;
  std::unique_ptr<sink::LogFile> log_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(LedgerTest, ExpectsNothingOfASpoolItDoesNotKnow) {
  open();
  EXPECT_EQ(next(), 0U);
  EXPECT_FALSE(ledger_->knows_instance(kClient, id_of(9)));
}

TEST_F(LedgerTest, CountsTheCurrentBatchAtOnceAndKeepsItOnceItStands) {
  open();
  gather(1, 4);
  EXPECT_EQ(next(), 4U);
  commit();
  open();
  EXPECT_EQ(next(), 4U);
}

TEST_F(LedgerTest, PromisesOnlyWhatIsInTheLog) {
  open();
  EXPECT_EQ(ledger_->durable(kClient, kSpool), 0U);
  gather(1, 4);
  EXPECT_EQ(ledger_->durable(kClient, kSpool), 0U);
  commit();
  EXPECT_EQ(ledger_->durable(kClient, kSpool), 4U);
  gather(4, 6);
  announce();
  EXPECT_EQ(ledger_->durable(kClient, kSpool), 4U);
  EXPECT_EQ(next(), 6U);
  commit();
  EXPECT_EQ(ledger_->durable(kClient, kSpool), 6U);
}

TEST_F(LedgerTest, FallsBackWhenTheBatchNeverReachedTheLog) {
  open();
  gather(1, 4);
  commit();
  gather(4, 6);
  open();  // killed before the intent
  EXPECT_EQ(next(), 4U);
  gather(4, 6);
  announce();
  open();  // killed between intent and log
  EXPECT_EQ(next(), 4U);
  EXPECT_EQ(lines(), 3U);
}

TEST_F(LedgerTest, SurvivesAKillAtEachByteOfTheIntent) {
  open();
  gather(1, 4);
  commit();
  const auto before = fs::file_size(ledger_path());
  gather(4, 6);
  announce();
  log_.reset();
  const auto after = fs::file_size(ledger_path());
  fs::copy_file(ledger_path(), directory_ / "whole");
  for (auto size = before; size < after; ++size) {
    fs::copy_file(directory_ / "whole", ledger_path(), fs::copy_options::overwrite_existing);
    fs::resize_file(ledger_path(), size);
    open();
    ASSERT_EQ(next(), 4U) << size;
    ASSERT_EQ(lines(), 3U) << size;
  }
}

TEST_F(LedgerTest, SurvivesAKillAtEachByteOfTheBatch) {
  open();
  gather(1, 4);
  commit();
  const auto before = fs::file_size(log_path());
  gather(4, 6);
  announce();
  fs::copy_file(ledger_path(), directory_ / "ledger");
  ASSERT_TRUE(log_->commit());
  log_.reset();
  const auto after = fs::file_size(log_path());
  fs::copy_file(log_path(), directory_ / "log");
  for (auto size = before; size <= after; ++size) {
    fs::copy_file(directory_ / "ledger", ledger_path(), fs::copy_options::overwrite_existing);
    fs::copy_file(directory_ / "log", directory_ / "torn", fs::copy_options::overwrite_existing);
    fs::resize_file(directory_ / "torn", size);
    // The same inode as announced: cut the file itself, then bring the bytes back.
    std::ifstream source(directory_ / "torn", std::ios::binary);
    std::ofstream(log_path(), std::ios::binary | std::ios::trunc) << source.rdbuf();
    open();
    const bool is_whole = size == after;
    ASSERT_EQ(next(), is_whole ? 6U : 4U) << size;
    ASSERT_EQ(lines(), is_whole ? 5U : 3U) << size;
    log_.reset();
  }
}

TEST_F(LedgerTest, ForgetsAnIntentThatFailedBeforeTheOneThatStood) {
  open();
  gather(1, 3);
  announce();  // the disk was full: the batch stays gathered, and grows
  gather(3, 5);
  commit();
  open();
  EXPECT_EQ(next(), 5U);
  EXPECT_EQ(lines(), 4U);
}

/// While it lives this process can open one descriptor more, and no second beside it.
class OneDescriptorLeft {
 public:
  OneDescriptorLeft() {
    const UniqueFd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(lowest);
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest.get()) + 1;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~OneDescriptorLeft() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  OneDescriptorLeft(const OneDescriptorLeft&) = delete;
  OneDescriptorLeft& operator=(const OneDescriptorLeft&) = delete;

 private:
  rlimit before_{};
};

TEST_F(LedgerTest, NeverWritesIntoTheFileThatACompactionReplaced) {
  open();
  gather(1, 4);
  commit();
  {
    // The new file has the name already when its directory cannot be flushed.
    const OneDescriptorLeft left;
    ASSERT_FALSE(ledger_->compact());
    gather(4, 6);
    const auto landing = log_->landing();
    ASSERT_TRUE(landing);
    ASSERT_FALSE(ledger_->intend({&*landing, 1}));
  }
  commit();
  open();
  EXPECT_EQ(next(), 6U);
  EXPECT_EQ(lines(), 5U);
}

TEST_F(LedgerTest, NeverTakesAFailedIntentForTheLog) {
  open();
  gather(1, 3);
  announce();  // failed
  gather(3, 5);
  announce();  // and killed before the log was written
  open();
  EXPECT_EQ(next(), 0U);
}

TEST_F(LedgerTest, KeepsSpoolsApartAndBounded) {
  open();
  for (std::uint8_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(log_->write(client_report(i)));
    ledger_->advance(kClient, id_of(i), i + 1U);
    commit();
  }
  EXPECT_EQ(ledger_->next(kClient, id_of(199)), 200U);
  EXPECT_EQ(ledger_->next(kClient, id_of(199 - Ledger::kMaxSpools + 1)),
            200 - Ledger::kMaxSpools + 1);
  EXPECT_EQ(ledger_->next(kClient, id_of(0)), 0U);
  EXPECT_EQ(ledger_->next("other.example.test", id_of(199)), 0U);
}

TEST_F(LedgerTest, RemembersProcessesOverARestart) {
  open();
  ledger_->remember_instance(kClient, id_of(1));
  ledger_->remember_instance(kClient, id_of(2));
  open();
  EXPECT_TRUE(ledger_->knows_instance(kClient, id_of(1)));
  EXPECT_TRUE(ledger_->knows_instance(kClient, id_of(2)));
  EXPECT_FALSE(ledger_->knows_instance(kClient, id_of(3)));
  EXPECT_FALSE(ledger_->knows_instance("other.example.test", id_of(1)));
}

TEST_F(LedgerTest, RefusesWhatIsNoLedger) {
  std::ofstream(ledger_path()) << "something else altogether";
  const auto ledger = Ledger::open(ledger_path(), log_path());
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().kind, Error::Kind::Malformed);
}

TEST_F(LedgerTest, RefusesTheLedgerOfANewerProgram) {
  std::ofstream(ledger_path()) << "samhain ledger 2 and more";
  const auto ledger = Ledger::open(ledger_path(), log_path());
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().kind, Error::Kind::Version);
}

TEST_F(LedgerTest, JournalSettlesWhatItGathered) {
  open();
  Journal journal(std::move(log_), std::move(ledger_));
  ASSERT_TRUE(journal.write(client_report(1)));
  journal.ledger().advance(kClient, kSpool, 2);
  EXPECT_FALSE(journal.is_settled());
  EXPECT_EQ(journal.gathered(), 1U);
  ASSERT_TRUE(journal.flush());
  EXPECT_TRUE(journal.is_settled());
  EXPECT_FALSE(journal.has_failed());
  EXPECT_EQ(lines(), 1U);
}

TEST_F(LedgerTest, AJournalThatCannotBeOpenedMissesWhatComesAndTriesAgain) {
  const fs::path later = directory_ / "later";
  sink::LogFile::Settings settings;
  settings.path = later / "yule_log";
  Journal journal(settings, Error{Error::Kind::System, "open", ENOENT});
  EXPECT_TRUE(journal.has_failed());
  EXPECT_FALSE(journal.write(client_report(1)));
  EXPECT_FALSE(journal.flush());
  EXPECT_FALSE(journal.is_open());

  fs::create_directory(later);
  EXPECT_TRUE(journal.flush());
  EXPECT_TRUE(journal.is_open());
  EXPECT_FALSE(journal.has_failed());
  EXPECT_EQ(journal.gathered(), 0U);
  EXPECT_TRUE(journal.write(client_report(2)));
  EXPECT_TRUE(journal.flush());
}

}  // namespace
}  // namespace samhain::server
