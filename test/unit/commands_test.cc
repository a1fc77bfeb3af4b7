#include "server/commands.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "report/catalog.h"
#include "scratch.h"
#include "server/orders.h"

namespace samhain::server {
namespace {

constexpr std::int64_t kNow = 1'795'378'757'000'000'000;
const std::string kFirst = "client1.example.test";
const std::string kSecond = "client2.example.test";

Report confirmation(std::uint64_t id, const report::Event& event = report::kCommandExecuted) {
  return report::make(event, kNow, {{"command", "RELOAD"}, {"id", std::to_string(id)}});
}

class CommandsTest : public ::testing::Test {
 protected:
  std::uint64_t queue(const std::string& client, std::string_view words,
                      std::int64_t now_ns = kNow) {
    const auto queued = commands_.queue(std::span{&client, 1}, words, now_ns);
    EXPECT_TRUE(queued && queued->size() == 1 && queued->front().is_new);
    return commands_.pending().at(client).back().id;
  }
  std::string path() const { return scratch_ / "commands"; }
  std::vector<wire::Command> due(const std::string& client) { return commands_.due(client, kNow); }
  Result<Commands> reloaded() const {
    Commands again{path()};
    if (auto loaded = again.load(); !loaded) return loaded.error();
    return again;
  }

  samhain::testing::Scratch scratch_;
  Commands commands_{path()};
};

TEST_F(CommandsTest, WaitForTheirClientUntilItConfirmsThem) {
  const std::uint64_t id = queue(kFirst, "RELOAD");
  EXPECT_EQ(due(kFirst), (std::vector<wire::Command>{{id, "RELOAD"}}));
  EXPECT_EQ(due(kFirst).size(), 1U) << "given, but not confirmed";
  EXPECT_TRUE(due(kSecond).empty());

  commands_.note(kFirst, confirmation(id + 1));
  commands_.note(kSecond, confirmation(id));
  EXPECT_EQ(due(kFirst).size(), 1U) << "another command, another client";
  commands_.note(kFirst, confirmation(id));
  EXPECT_TRUE(due(kFirst).empty());
  EXPECT_EQ(commands_.sent().at(kFirst).at("RELOAD").outcome, Commands::Outcome::Executed);
}

TEST_F(CommandsTest, AreConfirmedByMessageAndClassAlone) {
  const std::uint64_t id = queue(kFirst, "RELOAD");
  Report finding = confirmation(id);
  finding.event_class = EventClass::Event;
  commands_.note(kFirst, finding);
  Report text = confirmation(id);
  text.fields[0].value = "POLICY ADDED Command executed";
  commands_.note(kFirst, text);
  Report nameless = confirmation(id);
  nameless.fields.pop_back();
  commands_.note(kFirst, nameless);
  EXPECT_EQ(due(kFirst).size(), 1U);
  commands_.note(kFirst, confirmation(id, report::kCommandRefused));
  EXPECT_TRUE(due(kFirst).empty());
  EXPECT_EQ(commands_.sent().at(kFirst).at("RELOAD").outcome, Commands::Outcome::Refused);
}

TEST_F(CommandsTest, QueueTheSameOnceForEachClient) {
  queue(kFirst, "RELOAD");
  const std::vector<std::string> both = {kFirst, kSecond};
  const auto again = commands_.queue(both, "RELOAD", kNow);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->at(0).is_new);
  EXPECT_TRUE(again->at(1).is_new);
  EXPECT_EQ(due(kFirst).size(), 1U);
}

TEST_F(CommandsTest, HaveNumbersThatGrowWhateverTheClockDoes) {
  const std::uint64_t first = queue(kFirst, "RELOAD");
  EXPECT_EQ(first, static_cast<std::uint64_t>(kNow));
  EXPECT_EQ(queue(kFirst, "SCAN", kNow - 5'000'000'000), first + 1);
  auto again = reloaded();
  ASSERT_TRUE(again);
  ASSERT_TRUE(again->queue(std::span{&kFirst, 1}, "STOP", 5));
  EXPECT_EQ(again->pending().at(kFirst).back().id, first + 2);
}

TEST_F(CommandsTest, SurviveARestart) {
  const std::uint64_t first = queue(kFirst, "RELOAD");
  (void)due(kFirst);
  const std::uint64_t second = queue(kFirst, "DELTA:01234567-89ab-cdef-0123-456789abcdef");
  auto again = reloaded();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->sent().at(kFirst).at("RELOAD").id, first);
  const auto waiting = again->due(kFirst, kNow);
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[1].id, second);
  EXPECT_EQ(waiting[1].words, "DELTA:01234567-89ab-cdef-0123-456789abcdef");
  struct stat facts {};
  ASSERT_EQ(stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(CommandsTest, SavesWhatWasConfirmedWhenAsked) {
  const std::uint64_t id = queue(kFirst, "RELOAD");
  commands_.note(kFirst, confirmation(id));
  EXPECT_EQ(reloaded()->pending().size(), 1U);
  ASSERT_TRUE(commands_.save());
  EXPECT_TRUE(reloaded()->pending().empty());
}

TEST_F(CommandsTest, RefusesAFileThatIsNoListOrDamaged) {
  EXPECT_TRUE(reloaded()) << "none yet";
  for (const std::string text :
       {"", "something else\n", "yule commands 1\nlast x\n", "yule commands 1\npending a 1 2\n",
        "yule commands 1\nfuture a 1 2 sent RELOAD\n", "yule commands 1\nsent a 1 2 maybe STOP\n",
        "yule commands 1\npending a -1 2 sent STOP\n"}) {
    std::ofstream{path()} << text;
    const auto loaded = reloaded();
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().kind, Error::Kind::Malformed);
  }
}

TEST_F(CommandsTest, QueuesNothingThatItCannotKeep) {
  Commands homeless{scratch_ / "no/such/directory"};
  EXPECT_FALSE(homeless.queue(std::span{&kFirst, 1}, "RELOAD", kNow));
  EXPECT_TRUE(homeless.pending().empty());
}

TEST_F(CommandsTest, AreTakenBackOrForgottenWithTheirClient) {
  queue(kFirst, "RELOAD");
  queue(kFirst, "SCAN");
  queue(kSecond, "STOP");
  EXPECT_EQ(commands_.cancel(kFirst).size(), 2U);
  EXPECT_TRUE(commands_.cancel(kFirst).empty());
  EXPECT_EQ(due(kSecond).size(), 1U);
  commands_.retain([](std::string_view client) { return client == kFirst; });
  EXPECT_TRUE(due(kSecond).empty());
  EXPECT_TRUE(commands_.sent().empty());
}

TEST_F(CommandsTest, GoOutSixteenAtATimeTheOldestFirst) {
  for (int i = 0; i < 20; ++i) queue(kFirst, "DELTA:" + std::to_string(i));
  const auto commands = due(kFirst);
  ASSERT_EQ(commands.size(), wire::kMaxCommands);
  EXPECT_EQ(commands.front().words, "DELTA:0");
  EXPECT_EQ(commands_.sent().at(kFirst).size(), 1U) << "one of each kind";
}

TEST(Uuid, HasItsDigitsAndHyphensInTheirPlaces) {
  EXPECT_TRUE(wire::is_uuid("01234567-89ab-cdef-0123-456789ABCDEF"));
  EXPECT_FALSE(wire::is_uuid(""));
  EXPECT_FALSE(wire::is_uuid("01234567-89ab-cdef-0123-456789ABCDE"));
  EXPECT_FALSE(wire::is_uuid("0123456-789ab-cdef-0123-456789ABCDEF"));
  EXPECT_FALSE(wire::is_uuid("01234567-89ab-cdef-0123-456789ABCDEG"));
  EXPECT_FALSE(wire::is_uuid("../../../etc/passwd-0123-456789ABCDE"));
}

}  // namespace
}  // namespace samhain::server
