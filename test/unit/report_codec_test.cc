#include <gtest/gtest.h>

#include <random>

#include "base/codec.h"
#include "report/codec.h"

namespace samhain::report {
namespace {

Report sample() {
  Report report;
  report.severity = Severity::Crit;
  report.event_class = EventClass::Event;
  report.time_ns = 1'795'378'757'123'456'789;
  report.fields = {{"msg", "POLICY ADDED"}, {"path", std::string{"/a\0\xff\n", 5}}, {"kBps", ""}};
  return report;
}

std::string bytes_of(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() & 0xFF);
  return text;
}

TEST(ReportCodec, BringsBackTheExactBytes) {
  std::mt19937 random{7};
  for (int i = 0; i < 2'000; ++i) {
    Report report = sample();
    for (Field& field : report.fields) field.value = bytes_of(random, random() % 200);
    const auto back = decode(encode(report));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, report);
  }
}

TEST(ReportCodec, HasTheLayoutThatTheProtocolPromises) {
  Report report;
  report.severity = Severity::Err;
  report.event_class = EventClass::Tcp;
  report.time_ns = 0x0102030405060708;
  report.fields = {{"msg", "x"}};
  const Bytes expected = {6, 0, 5, 1, 2,   3,   4,   5, 6, 7, 8, 0,  1,
                          0, 0, 0, 3, 'm', 's', 'g', 0, 0, 0, 1, 'x'};
  EXPECT_EQ(encode(report), expected);
}

TEST(ReportCodec, NeverTakesClientOrArrivalFromTheBytes) {
  Report report = sample();
  report.client = "liar";
  report.arrival_ns = 5;
  const auto back = decode(encode(report));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->client.empty());
  EXPECT_EQ(back->arrival_ns, 0);
}

TEST(ReportCodec, CutsTheLongestValuesOfATooLongReport) {
  Report report = sample();
  report.fields = {
      {"msg", "short"}, {"path", std::string(900'000, 'a')}, {"obj", std::string(800'000, 'b')}};
  const Bytes body = encode(report);
  EXPECT_LE(body.size(), kMaxBody);
  EXPECT_GT(body.size(), kMaxBody - 10);
  const auto back = decode(body);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->message(), "short");
  EXPECT_EQ(back->find("path").size(), back->find("obj").size());
}

TEST(ReportCodec, RefusesEveryTruncationAndEveryExtraByte) {
  Bytes body = encode(sample());
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto back = decode(ByteView{body}.first(size));
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().kind, Error::Kind::Malformed);
  }
  body.push_back(0);
  EXPECT_FALSE(decode(body));
}

TEST(ReportCodec, RefusesUnknownNumbers) {
  const Bytes good = encode(sample());
  for (const std::uint8_t severity : {std::uint8_t{0}, std::uint8_t{10}, std::uint8_t{255}}) {
    Bytes body = good;
    body[0] = severity;
    EXPECT_FALSE(decode(body)) << int{severity};
  }
  for (const std::uint8_t event_class : {std::uint8_t{0}, std::uint8_t{13}}) {
    Bytes body = good;
    body[2] = event_class;
    EXPECT_FALSE(decode(body)) << int{event_class};
  }
}

TEST(ReportCodec, RefusesKeysThatCouldForgeFields) {
  for (const std::string key : {"", "a b", "a=", "a\"", "a<", "\xc3\xa4", "a\n"}) {
    Report report = sample();
    report.fields.push_back({key, "v"});
    EXPECT_FALSE(decode(encode(report))) << key;
  }
}

TEST(ReportCodec, RefusesACountThatTheBytesCannotHold) {
  base::Writer writer;
  writer.number(std::uint8_t{6}).number(std::uint16_t{5}).number(std::int64_t{0});
  writer.number(std::uint16_t{65'535}).number(std::uint64_t{0});
  EXPECT_FALSE(decode(writer.view()));
}

TEST(ReportCodec, RefusesABodyAboveTheLimit) {
  const auto back = decode(Bytes(kMaxBody + 1));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind, Error::Kind::Limit);
}

}  // namespace
}  // namespace samhain::report
