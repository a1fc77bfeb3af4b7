#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "baseline/entry_codec.h"
#include "baseline/index.h"
#include "baseline/layout.h"
#include "unit/scratch.h"

namespace samhain::baseline {
namespace {

using samhain::testing::Scratch;

bool is_taken(const Entry& entry, std::size_t count = 1) {
  Bytes bytes;
  append_entries(std::vector<Entry>(count, entry), bytes);
  std::vector<Entry> entries;
  return take_entries(bytes, kMaxEntries, entries);
}

Entry entry_named(const std::string& name) {
  Entry entry;
  entry.facts.name = name;
  return entry;
}

TEST(BaselinePartsTest, AnEntrysNameIsOneComponent) {
  for (const char* good : {"a", ".", "...", "..a", "\n", "\xff"}) {
    EXPECT_TRUE(is_taken(entry_named(good))) << good;
  }
  for (const std::string& bad : {std::string{}, std::string{".."}, std::string{"a/b"},
                                 std::string{"/"}, std::string("a\0", 2)}) {
    EXPECT_FALSE(is_taken(entry_named(bad))) << bad;
  }
}

TEST(BaselinePartsTest, WhatIsCopiedIntoManyEntriesIsBounded) {
  EXPECT_TRUE(is_taken(entry_named("a"), kMaxEntries));
  EXPECT_FALSE(is_taken(entry_named("a"), kMaxEntries + 1));
  Entry entry = entry_named("a");
  entry.owner.assign(1'024, 'o');
  EXPECT_TRUE(is_taken(entry));
  entry.group.assign(1'025, 'g');
  EXPECT_FALSE(is_taken(entry));
}

TEST(BaselinePartsTest, ADirectorysPathIsAbsoluteAndPlain) {
  for (const char* good : {"/", "/a", "/a/b", "/.a/..b", "/ "}) {
    EXPECT_TRUE(is_directory_path(good)) << good;
  }
  for (const char* bad : {"", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/a/../b", "/./a"}) {
    EXPECT_FALSE(is_directory_path(bad)) << bad;
    Bytes bytes;
    append_records(std::vector<Record>{{.path = bad, .entries = 1, .chunk = {}}}, bytes);
    std::vector<Record> records;
    EXPECT_FALSE(take_records(bytes, records)) << bad;
  }
}

TEST(BaselinePartsTest, PathsThatShareAllButTheirEndAreBounded) {
  std::string top = "/";
  for (int i = 0; i < 100; ++i) top += std::string(200, 'd') + "/";
  const auto is_taken = [&top](std::size_t count) {
    std::vector<Record> some;
    for (std::size_t i = 0; i < count; ++i) {
      some.push_back({.path = top + std::to_string(i), .entries = 1, .chunk = {}});
    }
    Bytes bytes;
    append_records(some, bytes);
    std::vector<Record> records;
    return take_records(bytes, records);
  };
  EXPECT_TRUE(is_taken(1'000));
  EXPECT_FALSE(is_taken(kMaxChunk / top.size() + 1));
}

/// A file whose head was written by somebody else.
class ForgedHeadTest : public ::testing::Test {
 protected:
  ForgedHeadTest() {
    auto writer = Writer::create(scratch_ / "file");
    EXPECT_TRUE(writer);
    EXPECT_TRUE((*writer)->add("/a", entry_named("f")));
    EXPECT_TRUE((*writer)->commit(crypto::make_signing_seed()));
    whole_ = samhain::testing::read_file(scratch_ / "file");
    const ByteView bytes = as_bytes(whole_);
    const ByteView size = bytes.last(kTrailerSize + kHeadSizeSize).first(kHeadSizeSize);
    head_size_ = static_cast<std::size_t>(decode_head_size(size));
    before_ = whole_.size() - kTrailerSize - kHeadSizeSize - head_size_;
    head_ = *decode_head(bytes.subspan(before_, head_size_));
  }
  bool is_opened() const {
    const Bytes head = encode(head_);
    const auto size = encode_head_size(head.size());
    const auto trailer = encode(Trailer{
        .signature = {}, .body_size = before_ + head.size() + size.size(), .format = kFormat});
    std::string forged = whole_.substr(0, before_);
    for (const ByteView part : {ByteView(head), ByteView(size), ByteView(trailer)}) {
      forged += as_text(part);
    }
    samhain::testing::write_file(scratch_ / "forged", forged);
    UniqueFd fd(open((scratch_ / "forged").c_str(), O_RDONLY | O_CLOEXEC));
    return static_cast<bool>(Reader::open_vouched(std::move(fd)));
  }

  Scratch scratch_;
  std::string whole_;
  std::size_t head_size_ = 0;
  std::size_t before_ = 0;
  Head head_;
};

TEST_F(ForgedHeadTest, MayNotSpeakOfMoreThanTheFileCanHold) {
  EXPECT_TRUE(is_opened());
  head_.about.directories = 1ULL << 50;
  EXPECT_FALSE(is_opened());
  head_.about.directories = 1;
  head_.about.entries = 1ULL << 50;
  EXPECT_FALSE(is_opened());
}

}  // namespace
}  // namespace samhain::baseline
