#include <gtest/gtest.h>

#include "baseline/baseline.h"
#include "unit/scratch.h"

namespace samhain::baseline {
namespace {

using Content = std::vector<std::pair<std::string, Entry>>;

Entry entry_of(const std::string& name, std::uint64_t size) {
  Entry entry;
  entry.facts.name = name;
  entry.facts.mode = 0100644;
  entry.facts.size = size;
  return entry;
}

class DeltaTest : public ::testing::Test {
 protected:
  std::unique_ptr<Reader> make(const Content& content, Digests digests = {}) {
    const std::string path = scratch_ / "file";
    auto writer = Writer::create(path, digests);
    EXPECT_TRUE(writer);
    for (const auto& [directory, entry] : content) {
      EXPECT_TRUE((*writer)->add(directory, entry));
    }
    auto written = (*writer)->commit(crypto::make_signing_seed());
    EXPECT_TRUE(written);
    auto reader = Reader::open_vouched(std::move(written->file));
    EXPECT_TRUE(reader);
    return *std::move(reader);
  }
  /// name:size, sorted
  static std::string shown(Reader& reader, const std::string& directory) {
    const auto entries = reader.directory(directory);
    if (!entries) return entries.error().text();
    std::string text;
    for (const Entry& entry : *entries) {
      text += entry.facts.name + ":" + std::to_string(entry.facts.size) + " ";
    }
    return text;
  }

  testing::Scratch scratch_;
  std::unique_ptr<Reader> base_ =
      make({{"/a", entry_of("m", 1)}, {"/a", entry_of("z", 1)}, {"/b", entry_of("x", 1)}});
};

TEST_F(DeltaTest, OneOfOtherDigestsIsRefusedAndChangesNothing) {
  const auto applied =
      base_->apply(make({{"/a", entry_of("m", 2)}}, {.first = DigestKind::Sha512}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, Error::Kind::Refused);
  EXPECT_EQ(shown(*base_, "/a"), "m:1 z:1 ");
}

TEST_F(DeltaTest, ItsEntriesCountInThePlacesOfThoseOfTheSamePath) {
  ASSERT_TRUE(base_->apply(make({{"/a", entry_of("m", 2)},
                                 {"/a", entry_of("n", 2)},
                                 {"/a", absent_entry("z")},
                                 {"/c", entry_of("y", 2)}})));
  EXPECT_EQ(shown(*base_, "/a"), "m:2 n:2 ");
  EXPECT_EQ(shown(*base_, "/b"), "x:1 ");
  EXPECT_EQ(shown(*base_, "/c"), "y:2 ");
  EXPECT_EQ(*base_->directories(), (std::vector<std::string>{"/a", "/b", "/c"}));
  EXPECT_EQ(base_->find("/a", "m")->value().facts.size, 2U);
  EXPECT_EQ(base_->find("/b", "x")->value().facts.size, 1U);
  EXPECT_FALSE(base_->find("/a", "z")->has_value());
  EXPECT_FALSE(base_->find("/a", "none")->has_value());
}

TEST_F(DeltaTest, OfSeveralTheNewestCounts) {
  ASSERT_TRUE(base_->apply(make({{"/a", absent_entry("m")}, {"/a", entry_of("z", 2)}})));
  ASSERT_TRUE(base_->apply(make({{"/a", entry_of("m", 3)}, {"/a", absent_entry("z")}})));
  EXPECT_EQ(shown(*base_, "/a"), "m:3 ");
  EXPECT_EQ(base_->find("/a", "m")->value().facts.size, 3U);
  EXPECT_FALSE(base_->find("/a", "z")->has_value());
}

TEST_F(DeltaTest, WithItTheBaselineIsAnotherOne) {
  const std::string before = base_->digest_hex();
  ASSERT_TRUE(base_->apply(make({{"/a", entry_of("m", 2)}})));
  EXPECT_NE(base_->digest_hex(), before);
}

TEST_F(DeltaTest, WhatIsAbsentIsShownOnlyWhereTheFileIsAskedFor) {
  const auto delta = make({{"/a", absent_entry("m")}, {"/a", entry_of("n", 1)}});
  EXPECT_EQ(shown(*delta, "/a"), "n:1 ");
  const auto stored = delta->stored_directory("/a");
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->size(), 2U);
  EXPECT_TRUE(is_absent(stored->front()));
  EXPECT_FALSE(is_absent(stored->back()));
}

TEST_F(DeltaTest, MergedTheyAreOneBaseline) {
  ASSERT_TRUE(base_->apply(
      make({{"/a", entry_of("m", 2)}, {"/a", absent_entry("z")}, {"/c", absent_entry("none")}})));
  const auto image = merged_image(*base_);
  ASSERT_TRUE(image) << image.error().text();
  const std::string path = scratch_ / "merged";
  testing::write_file(path, std::string{as_text(*image)});
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto merged = Reader::open_vouched(std::move(fd));
  ASSERT_TRUE(merged) << merged.error().text();
  EXPECT_EQ(shown(**merged, "/a"), "m:2 ");
  EXPECT_EQ(shown(**merged, "/b"), "x:1 ");
  EXPECT_EQ(*(*merged)->directories(), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ((*merged)->stored_directory("/a")->size(), 1U);
  // Nobody has signed it.
  EXPECT_FALSE(Reader::open(path, crypto::make_signing_seed()));
}

TEST_F(DeltaTest, TheirNumberIsBounded) {
  for (std::size_t i = 0; i < Reader::kMaxDeltas; ++i) {
    ASSERT_TRUE(base_->apply(make({{"/a", entry_of("m", i)}})));
  }
  const auto refused = base_->apply(make({{"/a", entry_of("m", 1'000)}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::Limit);
  EXPECT_EQ(shown(*base_, "/a"), "m:63 z:1 ");
}

}  // namespace
}  // namespace samhain::baseline
