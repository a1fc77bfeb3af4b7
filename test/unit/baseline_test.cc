#include "baseline/baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "unit/scratch.h"

namespace samhain::baseline {
namespace {

using testing::read_file;
using testing::Scratch;
using testing::write_file;

Entry entry_named(const std::string& name) {
  Entry entry;
  entry.facts.name = name;
  entry.facts.mode = 0100644;
  entry.facts.size = 12;
  entry.owner = "root";
  entry.group = "root";
  entry.policy = 1;
  return entry;
}

ContentDigest digest_of(DigestKind kind) {
  ContentDigest digest{.kind = kind};
  std::ranges::fill(digest.span(), 0xA5);
  return digest;
}

Entry full_entry() {
  Entry entry = entry_named("full");
  FileFacts& facts = entry.facts;
  facts.uid = 4'294'967'294;
  facts.gid = 7;
  facts.links = 2;
  facts.flags = 0x80000010;
  facts.inode = 0xFFFF'FFFF'FFFF'FFF0;
  facts.device = 65024;
  facts.rdevice = 2760;
  facts.size = 1ULL << 40;
  facts.atime = {-5, 999'999'999};
  facts.mtime = {1'800'000'000, 1};
  facts.ctime = {99'999'999'999, 2};
  facts.target = "/srv/\xff\n target";
  facts.btime = {-1, 3};
  facts.digest = digest_of(DigestKind::Sha256);
  facts.second_digest = digest_of(DigestKind::Sha512);
  facts.extended =
      std::make_shared<const ExtendedFacts>(ExtendedFacts{.acl = "acl_access:u::rw-",
                                                          .capabilities = "cap_chown=ep",
                                                          .selinux = "label",
                                                          .xattrs = "user.a=1",
                                                          .content = std::string("\0zlib", 5),
                                                          .oversize = 0});
  entry.owner = "4294967294";
  entry.group = "lp";
  entry.policy = 11;
  entry.attributes = 0x0FFF;
  return entry;
}

class BaselineTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  std::string path_ = scratch_ / "samhain_file";
  crypto::SigningSeed key_ = crypto::make_signing_seed();

  void make(const std::vector<std::pair<std::string, Entry>>& entries) {
    auto writer = Writer::create(path_);
    ASSERT_TRUE(writer) << writer.error().text();
    for (const auto& [directory, entry] : entries) ASSERT_TRUE((*writer)->add(directory, entry));
    auto done = (*writer)->commit(key_);
    ASSERT_TRUE(done) << done.error().text();
  }
  std::unique_ptr<Reader> open() {
    auto reader = Reader::open(path_, key_);
    EXPECT_TRUE(reader) << reader.error().text();
    return reader ? *std::move(reader) : nullptr;
  }
};

TEST_F(BaselineTest, GivesBackEveryFact) {
  make({{"/etc", full_entry()}});
  const auto reader = open();
  ASSERT_NE(reader, nullptr);
  const auto found = reader->find("/etc", "full");
  ASSERT_TRUE(found && found->has_value());
  const Entry& entry = **found;
  const Entry wanted = full_entry();
  EXPECT_EQ(entry.facts.mode, wanted.facts.mode);
  EXPECT_EQ(entry.facts.uid, wanted.facts.uid);
  EXPECT_EQ(entry.facts.gid, wanted.facts.gid);
  EXPECT_EQ(entry.facts.links, wanted.facts.links);
  EXPECT_EQ(entry.facts.flags, wanted.facts.flags);
  EXPECT_EQ(entry.facts.inode, wanted.facts.inode);
  EXPECT_EQ(entry.facts.device, wanted.facts.device);
  EXPECT_EQ(entry.facts.rdevice, wanted.facts.rdevice);
  EXPECT_EQ(entry.facts.size, wanted.facts.size);
  EXPECT_EQ(entry.facts.atime, wanted.facts.atime);
  EXPECT_EQ(entry.facts.mtime, wanted.facts.mtime);
  EXPECT_EQ(entry.facts.ctime, wanted.facts.ctime);
  EXPECT_EQ(entry.facts.target, wanted.facts.target);
  EXPECT_EQ(entry.facts.btime, wanted.facts.btime);
  EXPECT_EQ(entry.facts.digest, wanted.facts.digest);
  EXPECT_EQ(entry.facts.second_digest, wanted.facts.second_digest);
  ASSERT_NE(entry.facts.extended, nullptr);
  EXPECT_EQ(*entry.facts.extended, *wanted.facts.extended);
  EXPECT_EQ(entry.owner, wanted.owner);
  EXPECT_EQ(entry.group, wanted.group);
  EXPECT_EQ(entry.policy, wanted.policy);
  EXPECT_EQ(entry.attributes, wanted.attributes);
}

TEST_F(BaselineTest, KeepsNoDigestApartFromADigest) {
  make({{"/etc", entry_named("plain")}});
  const auto found = open()->find("/etc", "plain");
  ASSERT_TRUE(found && found->has_value());
  EXPECT_FALSE((*found)->facts.digest);
  EXPECT_EQ((*found)->facts.extended, nullptr);
  EXPECT_TRUE((*found)->facts.target.empty());
}

TEST_F(BaselineTest, GivesADirectorysEntriesSortedByTheirBytes) {
  make({{"/b", entry_named("z")},
        {"/a", entry_named("b")},
        {"/b", entry_named("new\nline")},
        {"/b", entry_named("\xff\xfe")},
        {"/b", entry_named("Z")},
        {"/b", entry_named("a>b")}});
  const auto reader = open();
  const auto entries = reader->directory("/b");
  ASSERT_TRUE(entries);
  std::vector<std::string> names;
  for (const Entry& entry : *entries) names.push_back(entry.facts.name);
  EXPECT_EQ(names, (std::vector<std::string>{"Z", "a>b", "new\nline", "z", "\xff\xfe"}));

  EXPECT_EQ(*reader->directories(), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(reader->size(), 6U);
}

TEST_F(BaselineTest, KnowsNothingOfWhatIsNotThere) {
  make({{"/a", entry_named("b")}});
  const auto reader = open();
  EXPECT_TRUE(reader->directory("/none")->empty());
  EXPECT_TRUE(reader->directory("/A")->empty());
  EXPECT_FALSE(reader->find("/a", "c")->has_value());
  EXPECT_FALSE(reader->find("/none", "b")->has_value());
}

TEST_F(BaselineTest, TakesTheLastOfTwoEntriesOfOneName) {
  Entry second = entry_named("b");
  second.facts.size = 99;
  make({{"/a", entry_named("b")}, {"/a", second}});
  EXPECT_EQ((*open()->find("/a", "b"))->facts.size, 99U);
}

TEST_F(BaselineTest, LeavesTheOldOneWithoutCommit) {
  make({{"/a", entry_named("old")}});
  const std::string before = read_file(path_);
  {
    auto writer = Writer::create(path_);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->add("/a", entry_named("new")));
  }
  EXPECT_EQ(read_file(path_), before);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_TRUE(open()->find("/a", "old")->has_value());
}

TEST_F(BaselineTest, UsesAgainWhatAKilledInitLeftBehind) {
  write_file(path_ + ".new", std::string(100'000, 'x'));
  make({{"/a", entry_named("b")}});
  EXPECT_EQ(open()->size(), 1U);
}

TEST_F(BaselineTest, RefusesASecondInitAtTheSameTime) {
  auto first = Writer::create(path_);
  ASSERT_TRUE(first);
  const auto second = Writer::create(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::Busy);
  ASSERT_TRUE((*first)->commit(key_));
}

TEST_F(BaselineTest, FollowsNoSymlinkWhereTheNewFileGoes) {
  write_file(scratch_ / "victim", "precious");
  ASSERT_EQ(symlink((scratch_ / "victim").c_str(), (path_ + ".new").c_str()), 0);
  EXPECT_FALSE(Writer::create(path_));
  EXPECT_EQ(read_file(scratch_ / "victim"), "precious");
}

TEST_F(BaselineTest, SaysWhatIsWrongWithAMissingDirectory) {
  const auto writer = Writer::create(scratch_ / "none/samhain_file");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().sys_errno, ENOENT);
}

/// Neighbours share what they have in common: each must come back as it was all the same.
TEST_F(BaselineTest, KeepsNeighboursApart) {
  std::vector<Entry> entries;
  for (int i = 0; i < 64; ++i) {
    Entry entry = i % 3 == 0 ? full_entry() : entry_named("x");
    entry.facts.name = "n" + std::to_string(100 + i);
    entry.facts.inode = i % 2 == 0 ? 0U : UINT64_MAX;
    entry.facts.uid = static_cast<std::uint32_t>(i / 4);
    entry.owner = std::to_string(i / 8);
    entry.facts.mtime = {i % 5 == 0 ? INT64_MIN : INT64_MAX, 999'999'999};
    if (i % 7 == 0) entry.facts.ctime = entry.facts.mtime;
    entries.push_back(entry);
  }
  std::vector<std::pair<std::string, Entry>> all;
  for (const Entry& entry : entries) all.emplace_back("/d", entry);
  make(all);
  const auto found = open()->directory("/d");
  ASSERT_TRUE(found && found->size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = (*found)[i];
    EXPECT_EQ(entry.facts.name, entries[i].facts.name);
    EXPECT_EQ(entry.facts.inode, entries[i].facts.inode);
    EXPECT_EQ(entry.facts.uid, entries[i].facts.uid);
    EXPECT_EQ(entry.owner, entries[i].owner);
    EXPECT_EQ(entry.facts.mtime, entries[i].facts.mtime);
    EXPECT_EQ(entry.facts.ctime, entries[i].facts.ctime);
    EXPECT_EQ(entry.facts.btime, entries[i].facts.btime);
    EXPECT_EQ(entry.facts.digest, entries[i].facts.digest);
    EXPECT_EQ(entry.policy, entries[i].policy);
    EXPECT_EQ(entry.attributes, entries[i].attributes);
  }
}

TEST_F(BaselineTest, SaysHowAndFromWhatItWasMade) {
  auto writer = Writer::create(path_, {DigestKind::Blake2b, DigestKind::Sha1});
  ASSERT_TRUE(writer);
  Entry entry = entry_named("f");
  entry.facts.digest = digest_of(DigestKind::Blake2b);
  ASSERT_TRUE((*writer)->add("/a", entry));
  ASSERT_TRUE((*writer)->add("/a", entry_named("g")));
  (*writer)->add_approval({7, "root", "it was me", "/a/f", "C---------"});
  ASSERT_TRUE((*writer)->commit(key_));
  const auto reader = open();
  EXPECT_EQ(reader->about().digests, (Digests{DigestKind::Blake2b, DigestKind::Sha1}));
  EXPECT_TRUE(reader->about().program.starts_with("samhain "));
  EXPECT_GT(reader->about().created, 1'700'000'000);
  EXPECT_EQ(reader->about().content_bytes, 12U);
  const auto approvals = reader->approvals();
  ASSERT_TRUE(approvals && approvals->size() == 1U);
  EXPECT_EQ(approvals->front().reason, "it was me");
  EXPECT_EQ(approvals->front().path, "/a/f");
}

TEST_F(BaselineTest, ForgetsTheOldestOfTooMuchHistory) {
  const auto key = load_or_make_key(path_);
  ASSERT_TRUE(key);
  auto writer = Writer::create(path_);
  ASSERT_TRUE(writer);
  const std::string reason(1U << 20, 'x');
  for (std::int64_t i = 0; i < 40; ++i) (*writer)->add_approval({i, "root", reason, "/a", "ADDED"});
  ASSERT_TRUE((*writer)->commit(*key));
  auto reader = Reader::open(path_, *key);
  ASSERT_TRUE(reader);
  const auto approvals = (*reader)->approvals();
  ASSERT_TRUE(approvals);
  EXPECT_EQ(approvals->size(), 31U);
  EXPECT_EQ(approvals->back().time, 39);
}

TEST_F(BaselineTest, NumbersItsDirectoriesInOrder) {
  std::vector<std::pair<std::string, Entry>> entries;
  for (int i = 0; i < 2'000; ++i) {
    entries.emplace_back("/srv/some/deep/path/d" + std::to_string(10'000 + i), entry_named("f"));
  }
  make(entries);
  const auto reader = open();
  ASSERT_EQ(reader->directory_count(), 2'000U);
  for (const std::uint64_t number : {0U, 1U, 777U, 1'999U}) {
    const auto path = reader->directory_at(number);
    ASSERT_TRUE(path);
    EXPECT_EQ(*path, entries[number].first);
    EXPECT_EQ(**reader->number_of(*path), number);
  }
  EXPECT_FALSE(reader->number_of("/srv/some/deep/path/d10000x")->has_value());
  EXPECT_FALSE(reader->number_of("/")->has_value());
  EXPECT_FALSE(reader->directory_at(2'000));
}

/// More than is held at once, and added to after it was finished.
TEST_F(BaselineTest, PutsThePiecesOfADirectoryTogether) {
  auto writer = Writer::create(path_);
  ASSERT_TRUE(writer);
  for (int i = 9'999; i >= 0; --i) {
    ASSERT_TRUE((*writer)->add("/d", entry_named("n" + std::to_string(10'000 + i))));
  }
  ASSERT_TRUE((*writer)->finish_directory("/d"));
  Entry second = entry_named("n10003");
  second.facts.size = 99;
  ASSERT_TRUE((*writer)->add("/d", second));
  ASSERT_TRUE((*writer)->commit(key_));
  const auto reader = open();
  const auto entries = reader->directory("/d");
  ASSERT_TRUE(entries && entries->size() == 10'000U);
  EXPECT_TRUE(std::ranges::is_sorted(*entries, {}, [](const Entry& e) { return e.facts.name; }));
  EXPECT_EQ((*entries)[3].facts.size, 99U);
  EXPECT_EQ(reader->directory_count(), 1U);
}

TEST_F(BaselineTest, HasTheDigestOfTheWholeFile) {
  make({{"/etc", entry_named("passwd")}});
  const std::string first = open()->digest_hex();
  EXPECT_EQ(first.size(), 64U);
  make({{"/etc", entry_named("group")}});
  EXPECT_NE(open()->digest_hex(), first);
}

TEST_F(BaselineTest, HoldsManyDirectoriesWhoseEntriesComeMixed) {
  auto writer = Writer::create(path_);
  ASSERT_TRUE(writer);
  for (int name = 0; name < 20; ++name) {
    for (int directory = 0; directory < 50; ++directory) {
      ASSERT_TRUE((*writer)->add("/d" + std::to_string(directory),
                                 entry_named("n" + std::to_string(name))));
    }
  }
  ASSERT_TRUE((*writer)->commit(key_));
  const auto reader = open();
  EXPECT_EQ(reader->size(), 1'000U);
  EXPECT_EQ(reader->directories()->size(), 50U);
  EXPECT_EQ(reader->directory("/d7")->size(), 20U);
}

}  // namespace
}  // namespace samhain::baseline
