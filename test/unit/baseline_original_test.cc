#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "baseline/original.h"

namespace samhain::baseline {
namespace {

struct Sample {
  std::uint32_t mode = S_IFREG | 0644;
  std::uint32_t links = 1;
  std::uint16_t mark = 22;
  std::uint64_t size = 5;
  std::string checksum = std::string(48, '0');
  std::string path = "/etc/passwd";
  std::string lines = "-\n";
};

void put(std::string& text, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) text[at + i] = static_cast<char>(value >> (8 * i) & 0xFFU);
}

std::string record(const Sample& sample) {
  std::string text((sample.mark & 0xFFU) == 21 ? 200 : 208, '\0');
  put(text, 0, sample.mode, 4);
  put(text, 24, sample.links, 4);
  put(text, 28, 77, 4);
  put(text, 32, sample.size, 8);
  put(text, 48, 1'600'000'000, 8);
  put(text, 92, sample.mark, 2);
  text.replace(94, 4, "root");
  text.replace(149, sample.checksum.size(), sample.checksum);
  if (text.size() == 208) put(text, 200, 0xD1000F7F, 4);
  return text + sample.path + "\n" + sample.lines;
}

struct Outcome {
  OriginalCounts counts;
  std::vector<OriginalObject> objects;
};

Outcome read(const std::string& records, const std::string& start = "\n[SOF]\n") {
  Outcome outcome;
  const std::string text = start + records;
  const auto counts = read_original(as_bytes(text), [&](OriginalObject&& object) -> Result<void> {
    // As it goes from process to process.
    auto again = decode_object(encode(object));
    EXPECT_TRUE(again);
    outcome.objects.push_back(*std::move(again));
    return {};
  });
  EXPECT_TRUE(counts) << (counts ? "" : counts.error().what);
  if (counts) outcome.counts = *counts;
  return outcome;
}

Error::Kind failure(const std::string& text) {
  const auto counts =
      read_original(as_bytes(text), [](OriginalObject&&) -> Result<void> { return {}; });
  EXPECT_FALSE(counts);
  return counts ? Error::Kind::System : counts.error().kind;
}

TEST(OriginalTest, TakesBothVersions) {
  const auto outcome = read(record({}) + record({.mark = 21, .path = "/"}));
  ASSERT_EQ(outcome.objects.size(), 2U);
  const OriginalObject& object = outcome.objects[0];
  EXPECT_EQ(object.directory, "/etc");
  EXPECT_EQ(object.entry.facts.name, "passwd");
  EXPECT_EQ(object.entry.facts.inode, 77U);
  EXPECT_EQ(object.entry.facts.mtime.seconds, 1'600'000'000);
  EXPECT_EQ(object.entry.owner, "root");
  EXPECT_EQ(object.entry.attributes, kImported | 0xF7FU);
  EXPECT_EQ(outcome.objects[1].directory, "/");
  EXPECT_EQ(outcome.objects[1].entry.facts.name, ".");
  EXPECT_EQ(outcome.objects[1].entry.attributes, kImported);
}

TEST(OriginalTest, TellsDigestsByTheirForm) {
  const auto kind = [](const std::string& checksum) {
    const auto outcome = read(record({.checksum = checksum}));
    return outcome.objects.empty() ? DigestKind::Sha512
                                   : outcome.objects[0].entry.facts.digest.kind;
  };
  EXPECT_EQ(kind(std::string(48, '0')), DigestKind::None);
  EXPECT_EQ(kind(std::string(48, 'A')), DigestKind::Tiger192);
  EXPECT_EQ(kind(std::string(40, 'A') + std::string(8, '0')), DigestKind::Sha1);
  EXPECT_EQ(kind(std::string(32, 'A') + std::string(16, '0')), DigestKind::Md5);
  EXPECT_EQ(kind("47DEQpj8HBSa)(TImW(5JCeuQeRkm5NMpJWZG3hSuFU?"), DigestKind::Sha256);
  EXPECT_EQ(kind("nonsense"), DigestKind::None);
}

TEST(OriginalTest, UndoesWhatTheOriginalDidToNamesAndLinks) {
  const auto outcome =
      read(record({.path = "/d/a=0Ab=3Dc"}) +
           record({.mode = S_IFLNK | 0777, .size = 1, .path = "/d/l", .lines = "/d/f\n"}) +
           record({.mode = S_IFLNK | 0777, .size = 4, .path = "/d/m", .lines = "/d/f\n"}));
  ASSERT_EQ(outcome.objects.size(), 3U);
  EXPECT_EQ(outcome.objects[0].entry.facts.name, "a\nb=c");
  EXPECT_EQ(outcome.objects[1].entry.facts.target, "f");
  EXPECT_EQ(outcome.objects[2].entry.facts.target, "/d/f");
}

TEST(OriginalTest, TakesListsAndLabels) {
  const auto outcome =
      read(record({.mark = 22 | 0x100, .lines = "-\nselinux:a_t acl_access:u::rw-\n"}));
  ASSERT_EQ(outcome.objects.size(), 1U);
  ASSERT_TRUE(outcome.objects[0].entry.facts.extended);
  EXPECT_EQ(outcome.objects[0].entry.facts.extended->acl, "acl_access:u::rw-");
  EXPECT_EQ(outcome.objects[0].entry.facts.extended->selinux, "a_t");
}

TEST(OriginalTest, CountsWhatIsNoObject) {
  const auto outcome = read(record({.mode = 0, .links = 65535}) + record({.path = "K_module"}) +
                            record({.path = "/a/../b"}) + record({}).substr(0, 215));
  EXPECT_TRUE(outcome.objects.empty());
  EXPECT_EQ(outcome.counts.absent, 1U);
  EXPECT_EQ(outcome.counts.skipped, 2U);
  EXPECT_TRUE(outcome.counts.is_cut);
  const auto again = decode_counts(encode(outcome.counts));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->skipped, 2U);
  EXPECT_TRUE(again->is_cut);
}

TEST(OriginalTest, ReadsAllParts) {
  const auto outcome = read(record({}) + "\n#Host a Version 7 Date [x]\n\n[SOF]\n" + record({}) +
                                "\n[SOF]\n" + record({}),
                            "-----BEGIN PGP\n\n[SOF]\n");
  EXPECT_EQ(outcome.counts.objects, 3U);
  EXPECT_FALSE(outcome.counts.is_cut);
}

TEST(OriginalTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(failure("no database"), Error::Kind::Malformed);
  EXPECT_EQ(failure("x[SOF]\n"), Error::Kind::Malformed);
  EXPECT_EQ(failure("[SOF]\n" + record({.mark = 23})), Error::Kind::Malformed);
}

}  // namespace
}  // namespace samhain::baseline
