#include "tools/baseline_diff.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "policy/attributes.h"
#include "scratch.h"
#include "tools/waiting_baselines.h"

namespace samhain::tools {
namespace {

using baseline::Entry;
using baseline::Reader;
using policy::Attribute;
using samhain::testing::Scratch;
using Objects = std::vector<std::pair<std::string, Entry>>;

Entry entry_named(const std::string& name, std::uint64_t size = 1) {
  Entry entry;
  entry.facts.name = name;
  entry.facts.mode = 0100644;
  entry.facts.size = size;
  entry.owner = entry.group = "root";
  entry.attributes = static_cast<std::uint32_t>(Attribute::Size);
  return entry;
}

class BaselineDiffTest : public ::testing::Test {
 protected:
  std::unique_ptr<Reader> make(const Objects& objects) {
    const std::string path = scratch_ / "baseline";
    auto writer = baseline::Writer::create(path);
    EXPECT_TRUE(writer);
    for (const auto& [directory, entry] : objects) EXPECT_TRUE((*writer)->add(directory, entry));
    EXPECT_TRUE((*writer)->commit(crypto::make_signing_seed()));
    auto reader = Reader::open_vouched(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    EXPECT_TRUE(reader) << reader.error().text();
    return reader ? std::move(*reader) : nullptr;
  }
  std::string diff(const Objects* before, const Objects& after, bool is_json = false) {
    std::string text;
    BaselineDiff comparison(is_json, [&text](std::string_view piece) { text += piece; });
    const auto old = before != nullptr ? make(*before) : nullptr;
    EXPECT_TRUE(comparison.run(old.get(), *make(after)));
    return text;
  }
  Scratch scratch_;
};

TEST_F(BaselineDiffTest, TellsEachObjectOnceInTheOrderOfPaths) {
  const Objects before = {{"/", entry_named("etc")},
                          {"/etc", entry_named("gone")},
                          {"/etc", entry_named("same")},
                          {"/opt", entry_named("x")}};
  const Objects after = {
      {"/", entry_named("etc")}, {"/bin", entry_named("new")}, {"/etc", entry_named("same", 2)}};
  EXPECT_EQ(diff(&before, after),
            "added    /bin/new\n"
            "removed  /etc/gone\n"
            "changed  /etc/same\n"
            "         size: 1 -> 2\n"
            "removed  /opt/x\n"
            "1 added, 2 removed, 1 changed\n");
  EXPECT_EQ(diff(&after, after), "0 added, 0 removed, 0 changed\n");
}

TEST_F(BaselineDiffTest, TakesEverythingForNewWhereNothingWasApproved) {
  EXPECT_EQ(diff(nullptr, {{"/", entry_named("etc")}}),
            "added    /etc\n1 added, 0 removed, 0 changed\n");
}

TEST_F(BaselineDiffTest, KeepsToWhatIsWatchedButTellsWhenThatChanges) {
  Entry other = entry_named("log");
  other.facts.mtime.seconds = 77;
  EXPECT_EQ(diff(nullptr, {}), "0 added, 0 removed, 0 changed\n");
  const Objects before = {{"/var", entry_named("log")}};
  EXPECT_EQ(diff(&before, {{"/var", other}}), "0 added, 0 removed, 0 changed\n");
  other.attributes = 0;
  EXPECT_EQ(diff(&before, {{"/var", other}}),
            "changed  /var/log\n"
            "         policy: 0 (0100) -> 0 (0000)\n"
            "0 added, 0 removed, 1 changed\n");
}

TEST_F(BaselineDiffTest, IsJsonWhateverAFileIsCalled) {
  const Objects after = {{"/", entry_named("a\"b\\c\n\x1b[2J")}, {"/", entry_named("d")}};
  EXPECT_EQ(diff(nullptr, after, true),
            "[\n {\"change\": \"added\", \"path\": \"/a\\\"b\\\\\\\\c\\\\012\\\\033[2J\", "
            "\"attributes\": {}},\n {\"change\": \"added\", \"path\": \"/d\", \"attributes\": {}}"
            "\n]\n");
}

TEST(WaitingBaselinesTest, KnowsTheNamesOfHosts) {
  EXPECT_TRUE(is_host("client1.example.test"));
  EXPECT_TRUE(is_host("2001:db8::1"));
  for (const std::string& bad : {std::string{}, std::string{".."}, std::string{"a/b"},
                                 std::string{"A"}, std::string("a\0b", 3), std::string{"a b"}}) {
    EXPECT_FALSE(is_host(bad)) << bad;
  }
}

TEST(WaitingBaselinesTest, ApprovesACopyAndLeavesNothingElseBehind) {
  Scratch data;
  Scratch pending;
  samhain::testing::write_file(pending / "file.host", "content");
  {
    const auto broken_off = Approval::begin(data.path(), pending.path(), "host");
    ASSERT_TRUE(broken_off);
  }
  EXPECT_TRUE(std::filesystem::is_empty(data.path()));
  auto approval = Approval::begin(data.path(), pending.path(), "host");
  ASSERT_TRUE(approval);
  samhain::testing::write_file(pending / "file.host", "changed after it was looked at");
  ASSERT_TRUE(approval->commit(std::nullopt));
  ASSERT_TRUE(approval->settle_waiting());
  EXPECT_EQ(samhain::testing::read_file(data / "file.host"), "content");
  EXPECT_TRUE(std::filesystem::is_empty(pending.path()));
  EXPECT_FALSE(Approval::begin(data.path(), pending.path(), "host"));
}

TEST(WaitingBaselinesTest, RefusesAFileThatIsOnlyLinkedToItsPlace) {
  Scratch data;
  Scratch pending;
  samhain::testing::write_file(data / "secret", "root's");
  std::filesystem::create_hard_link(data / "secret", pending / "file.host");
  EXPECT_EQ(Approval::begin(data.path(), pending.path(), "host").error().kind,
            Error::Kind::Refused);
  std::filesystem::remove(pending / "file.host");
  std::filesystem::create_symlink(data / "secret", pending / "file.host");
  EXPECT_FALSE(Approval::begin(data.path(), pending.path(), "host"));
}

}  // namespace
}  // namespace samhain::tools
