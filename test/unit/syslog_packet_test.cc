#include "server/syslog_packet.h"

#include <gtest/gtest.h>

#include <string>

namespace samhain::server {
namespace {

TEST(SyslogPacketTest, TakesFacilityPriorityAndText) {
  const SyslogPacket packet = parse_syslog(as_bytes("<38>sshd[1]: Accepted\n"));
  EXPECT_EQ(facility_word(packet.facility), "auth");
  EXPECT_EQ(priority_word(packet.priority), "info");
  EXPECT_EQ(packet.text, "sshd[1]: Accepted");
  EXPECT_EQ(parse_syslog(as_bytes("<13>two\n\n")).text, "two\n") << "one newline is cut";
}

TEST(SyslogPacketTest, TakesWhatHasNoHeadForKernAndEmerg) {
  for (const std::string_view text :
       {"no head", "<", "<>x", "<12", "<1x>y", "<00001>x", "<9999>x"}) {
    const SyslogPacket packet = parse_syslog(as_bytes(text));
    EXPECT_EQ(facility_word(packet.facility), "kern") << text;
    EXPECT_EQ(priority_word(packet.priority), "emerg") << text;
    EXPECT_EQ(packet.text, text);
  }
}

TEST(SyslogPacketTest, HasNoNameForAnUnknownFacility) {
  EXPECT_EQ(facility_word(parse_syslog(as_bytes("<999>x")).facility), "none");
  EXPECT_EQ(priority_word(parse_syslog(as_bytes("<999>x")).priority), "debug");
  EXPECT_EQ(facility_word(parse_syslog(as_bytes("<191>x")).facility), "local7");
}

TEST(SyslogPacketTest, ReadsNoMoreThanAPacketMayHave) {
  const std::string text(2'000, 'x');
  EXPECT_EQ(parse_syslog(as_bytes(text)).text.size(), kMaxSyslogPacket);
  EXPECT_EQ(parse_syslog({}).text, "");
}

}  // namespace
}  // namespace samhain::server
