#pragma once

#include <array>
#include <cstdint>

#include "server/requests.h"
#include "server/syslog_packet.h"
#include "sys/channel.h"

/// What the keeper and the role `syslog` say to each other; beside requests.h.
namespace samhain::server {

// --- keeper -> syslog ------------------------------------------------------------------------
inline constexpr std::uint16_t kListen = 96;  ///< u8 0; a bound UDP socket comes with it

// --- syslog -> keeper ------------------------------------------------------------------------
inline constexpr std::uint16_t kPacket = 97;   ///< text address, u8 facility, u8 priority, text
inline constexpr std::uint16_t kDropped = 98;  ///< u64 packets that were too many
inline constexpr std::uint16_t kBroken = 99;   ///< u32 errno of receiving, which pauses

inline constexpr std::array<sys::Rule, 1> kToSyslog = {{
    {.kind = kListen, .min_size = 1, .max_size = 1, .descriptors = 1},
}};
inline constexpr std::array<sys::Rule, 3> kFromSyslog = {{
    {.kind = kPacket, .min_size = 10, .max_size = 10 + kMaxAddress + kMaxSyslogPacket},
    {.kind = kDropped, .min_size = 8, .max_size = 8},
    {.kind = kBroken, .min_size = 4, .max_size = 4},
}};

}  // namespace samhain::server
