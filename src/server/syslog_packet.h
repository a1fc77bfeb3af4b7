#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "samhain/bytes.h"

namespace samhain::server {

/// Longest packet, in bytes; the rest of a longer one is not read.
inline constexpr std::size_t kMaxSyslogPacket = 1'047;

/// What a packet of the syslog protocol says (RFC 3164, section 4.1, as the original reads it).
struct SyslogPacket {
  std::uint8_t facility = 0;  ///< 0 is kern
  std::uint8_t priority = 0;  ///< 0 is emerg, 7 debug
  std::string_view text;      ///< borrows from the packet
};

/// Never fails: what does not begin with `<N>` is text of kern and emerg.  One newline at the end
/// is cut.
SyslogPacket parse_syslog(ByteView packet);

/// "auth"; what has no name is "none".
std::string_view facility_word(std::uint8_t facility);
std::string_view priority_word(std::uint8_t priority);

}  // namespace samhain::server
