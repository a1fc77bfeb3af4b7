#include "scan/compare.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "policy/policy.h"

namespace samhain::scan {
namespace {

using baseline::Entry;
using policy::Attribute;
using policy::AttributeSet;

ContentDigest digest_of(std::uint8_t byte) {
  ContentDigest digest{.kind = DigestKind::Sha256};
  std::ranges::fill(digest.span(), byte);
  return digest;
}

Entry known_file() {
  Entry entry;
  entry.facts.name = "f";
  entry.facts.mode = S_IFREG | 0644;
  entry.facts.size = 10;
  entry.facts.inode = 0x1'0000'0001;
  entry.facts.links = 1;
  entry.facts.digest = digest_of(1);
  return entry;
}

AttributeSet all() {
  AttributeSet set = policy::attributes_of(policy::Name::ReadOnly);
  set.add(Attribute::Atime);
  return set;
}

std::string code_of(const Entry& known, const FileFacts& now, AttributeSet watched = all()) {
  return change_code(compare(known, now, watched));
}

TEST(CompareTest, FindsNothingInTheSame) {
  EXPECT_EQ(code_of(known_file(), known_file().facts), "----------");
}

TEST(CompareTest, WhatTheOriginalDidNotKnowDoesNotDiffer) {
  Entry known = known_file();
  known.attributes = baseline::kImported;
  known.facts.inode = 1;
  known.facts.digest = {};
  FileFacts now = known_file().facts;
  now.mtime.nanoseconds = now.ctime.nanoseconds = 7;
  now.btime.seconds = 9;
  now.flags = FS_IMMUTABLE_FL;
  AttributeSet watched = all();
  watched.add(Attribute::Birth);
  watched.add(Attribute::Xattrs);
  watched.add(Attribute::Acl);
  auto extended = std::make_shared<ExtendedFacts>();
  extended->acl = "acl_access:u::rw-,g::r--,o::r--";
  extended->xattrs = "user.a=1";
  now.extended = extended;
  EXPECT_EQ(code_of(known, now, watched), "----------");

  now.mtime.seconds = 1;
  EXPECT_EQ(code_of(known, now, watched), "--------T-");
  now.mtime.seconds = 0;
  now.inode = 2;
  EXPECT_EQ(code_of(known, now, watched), "---I------");
  now.inode = 1;
  known.facts.digest = digest_of(2);
  EXPECT_EQ(code_of(known, now, watched), "C---------");
  known.facts.digest.kind = DigestKind::Tiger192;
  EXPECT_EQ(code_of(known, now, watched), "----------");
}

TEST(CompareTest, HasALetterForEachAttribute) {
  const auto changed = [](auto change) {
    FileFacts now = known_file().facts;
    change(now);
    return code_of(known_file(), now);
  };
  EXPECT_EQ(changed([](FileFacts& f) { f.digest = digest_of(2); }), "C---------");
  EXPECT_EQ(changed([](FileFacts& f) { f.target = "x"; }), "-L--------");
  EXPECT_EQ(changed([](FileFacts& f) { f.rdevice = 1; }), "--D-------");
  EXPECT_EQ(changed([](FileFacts& f) { f.inode = 1; }), "---I------");
  EXPECT_EQ(changed([](FileFacts& f) { f.links = 2; }), "----H-----");
  EXPECT_EQ(changed([](FileFacts& f) { f.mode = S_IFREG | 0600; }), "-----M----");
  EXPECT_EQ(changed([](FileFacts& f) { f.uid = 1; }), "------U---");
  EXPECT_EQ(changed([](FileFacts& f) { f.gid = 1; }), "-------G--");
  EXPECT_EQ(changed([](FileFacts& f) { f.mtime.nanoseconds = 1; }), "--------T-");
  EXPECT_EQ(changed([](FileFacts& f) { f.ctime.seconds = 1; }), "--------T-");
  EXPECT_EQ(changed([](FileFacts& f) { f.atime.seconds = 1; }), "--------T-");
  EXPECT_EQ(changed([](FileFacts& f) { f.size = 11; }), "---------S");
}

TEST(CompareTest, LooksOnlyAtWhatIsWatched) {
  FileFacts now = known_file().facts;
  now.uid = now.gid = 5;
  now.digest = digest_of(2);
  AttributeSet watched;
  watched.add(Attribute::Group);
  EXPECT_EQ(code_of(known_file(), now, watched), "-------G--");
  EXPECT_EQ(code_of(known_file(), now, AttributeSet{}), "----------");
}

TEST(CompareTest, MindsAttributeLettersButNotTheFileSystemsOwnFlags) {
  FileFacts now = known_file().facts;
  now.flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(code_of(known_file(), now), "-----M----");
  now.flags = FS_EXTENT_FL | FS_INDEX_FL;
  EXPECT_EQ(code_of(known_file(), now), "----------");
}

TEST(CompareTest, DoesNotTakeTheUnreadableForChanged) {
  FileFacts now = known_file().facts;
  now.digest = {};
  for (const Stage stage : {Stage::Open, Stage::Read, Stage::Timeout}) {
    now.failed_stage = stage;
    EXPECT_EQ(code_of(known_file(), now), "----------");
  }
  now.failed_stage = Stage::None;
  EXPECT_EQ(code_of(known_file(), now), "C---------");
}

class GrowingTest : public ::testing::Test {
 protected:
  AttributeSet watched_ = policy::attributes_of(policy::Name::GrowingLogFiles);
  FileFacts now_ = known_file().facts;
  std::string code() const { return code_of(known_file(), now_, watched_); }
};

TEST_F(GrowingTest, IsSilentWhileTheBeginningStays) {
  now_.size = 20;
  now_.digest = digest_of(2);
  now_.prefix_digest = digest_of(1);
  EXPECT_EQ(code(), "----------");
}

TEST_F(GrowingTest, SeesAnAlteredBeginning) {
  now_.size = 20;
  now_.digest = digest_of(2);
  now_.prefix_digest = digest_of(3);
  EXPECT_EQ(code(), "C---------");
  EXPECT_EQ(digest_to_compare(known_file(), now_, watched_), digest_of(3));
}

TEST_F(GrowingTest, SeesTheSameSizeWithOtherContent) {
  now_.digest = digest_of(2);
  now_.prefix_digest = digest_of(2);
  EXPECT_EQ(code(), "C---------");
}

TEST_F(GrowingTest, SeesThatItBecameShorter) {
  now_.size = 3;
  now_.digest = digest_of(2);
  EXPECT_EQ(code(), "C--------S");
  EXPECT_EQ(digest_to_compare(known_file(), now_, watched_), digest_of(2));
}

TEST_F(GrowingTest, LetsAnEmptyFileBecomeAnything) {
  Entry known = known_file();
  known.facts.size = 0;
  now_.size = 7;
  now_.digest = digest_of(9);
  EXPECT_EQ(code_of(known, now_, watched_), "----------");
}

}  // namespace
}  // namespace samhain::scan
