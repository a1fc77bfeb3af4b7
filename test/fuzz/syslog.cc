#include <algorithm>
#include <cstdlib>

#include "server/syslog_packet.h"

// A packet of the syslog protocol: whatever comes, there are words for it, and its text lies
// inside.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain;
  const ByteView packet{data, size};
  const server::SyslogPacket parsed = server::parse_syslog(packet);
  if (parsed.text.size() > std::min(size, server::kMaxSyslogPacket)) std::abort();
  if (server::facility_word(parsed.facility).empty()) std::abort();
  if (server::priority_word(parsed.priority).empty() || parsed.priority > 7) std::abort();
  const std::string_view whole = as_text(packet);
  if (!parsed.text.empty() && whole.find(parsed.text) == std::string_view::npos) std::abort();
  return 0;
}
