#include "spool/segment.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace samhain::spool {
namespace {

Bytes records(std::uint64_t first, int count) {
  base::Writer writer;
  for (int i = 0; i < count; ++i) {
    append_record(writer, first + static_cast<std::uint64_t>(i), Severity::Warn,
                  as_bytes("body " + std::to_string(i)));
  }
  return writer.take();
}

TEST(SegmentRecord, HasTheLayoutOfTheDocument) {
  base::Writer writer;
  append_record(writer, 0x0102, Severity::Err, as_bytes("123456789"));
  // The crc32 is Python's zlib.crc32(bytes([0]*6 + [1, 2, 6]) + b"123456789").
  const Bytes expected = {0, 0, 0, 18, 0x84, 0x31, 0x67, 0x2c, 0,   0,   0,   0,   0,
                          0, 1, 2, 6,  '1',  '2',  '3',  '4',  '5', '6', '7', '8', '9'};
  EXPECT_EQ(Bytes(writer.view().begin(), writer.view().end()), expected);
  const auto record = decode_record(writer.view());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->seq, 0x0102U);
  EXPECT_EQ(record->severity, Severity::Err);
  EXPECT_EQ(as_text(record->body), "123456789");
  EXPECT_EQ(record->size, 26U);
}

TEST(SegmentRecord, RefusesEveryFlippedBit) {
  const Bytes good = records(1, 1);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    EXPECT_FALSE(decode_record(bad)) << bit;
  }
}

TEST(SegmentRecord, WantsMoreForEveryTruncation) {
  const Bytes good = records(1, 1);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto record = decode_record(ByteView{good}.first(size));
    ASSERT_FALSE(record);
    EXPECT_EQ(record.error().kind, Error::Kind::Incomplete);
  }
}

TEST(Survey, SeesATornTail) {
  const Bytes bytes = records(5, 3);
  const std::size_t two = records(5, 2).size();
  std::vector<std::uint64_t> seen;
  const auto found = survey(ByteView{bytes}.first(bytes.size() - 1), 5,
                            [&](const Record& record) { seen.push_back(record.seq); });
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{5, 6}));
  EXPECT_EQ(found.good_end, two);
  EXPECT_EQ(found.last, 6U);
  EXPECT_TRUE(found.has_bad_tail);
  EXPECT_FALSE(found.has_hole);
}

TEST(Survey, GoesOnBehindADamagedRecord) {
  Bytes bytes = records(5, 3);
  bytes[records(5, 1).size() + 20] ^= 1;
  std::vector<std::uint64_t> seen;
  const auto found = survey(bytes, 5, [&](const Record& record) { seen.push_back(record.seq); });
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{5, 7}));
  EXPECT_TRUE(found.has_hole);
  EXPECT_FALSE(found.has_bad_tail);
}

TEST(Survey, DoesNotBelieveNumbersThatDoNotRise) {
  Bytes bytes = records(5, 2);
  const Bytes again = records(5, 1);
  bytes.insert(bytes.end(), again.begin(), again.end());
  int count = 0;
  const auto found = survey(bytes, 5, [&](const Record&) { ++count; });
  EXPECT_EQ(count, 2);
  EXPECT_TRUE(found.has_bad_tail);
  EXPECT_EQ(survey(bytes, 7, [](const Record&) {}).last, 6U) << "all below the segment's name";
}

TEST(SegmentName, IsTheNumberInTwentyDigits) {
  EXPECT_EQ(segment_name(42), "00000000000000000042");
  EXPECT_EQ(parse_segment_name("00000000000000000042"), 42U);
  for (const std::string_view name : {"42", "0000000000000000004x", "00000000000000000000",
                                      "99999999999999999999", "00000000000000000042.new", "lock"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace samhain::spool
