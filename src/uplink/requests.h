#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/result.h"
#include "srp/exchange.h"
#include "sys/channel.h"
#include "sys/socket.h"
#include "wire/files.h"
#include "wire/frame.h"

/// What a client's process, its courier and its resolver say to each other: kinds, payloads, and
/// the table of what is accepted from whom.  Each decode_… returns Malformed for a payload that is
/// short, long or senseless.
namespace samhain::uplink {

// scanner -> courier
inline constexpr std::uint16_t kConnect = 16;
inline constexpr std::uint16_t kSend = 17;
inline constexpr std::uint16_t kClose = 18;
// courier -> scanner
inline constexpr std::uint16_t kConnectFailed = 19;
inline constexpr std::uint16_t kOpened = 20;
inline constexpr std::uint16_t kReceived = 21;
inline constexpr std::uint16_t kClosed = 22;
inline constexpr std::uint16_t kTaken = 24;
// resolver -> scanner
inline constexpr std::uint16_t kResolved = 23;

/// Most addresses of one server that are tried.
inline constexpr std::size_t kMaxAddresses = 32;
/// Longest text of an error that a child may send.
inline constexpr std::size_t kMaxErrorText = 512;
/// Longest frame that the server may send us: a CHUNK; no answer of protocol 3 is longer.
inline constexpr std::uint32_t kMaxAnswer = 1 + wire::kMaxChunk;

/// Open a connection to the first of `targets` that answers; `connection` names it in all that
/// follows, so that what comes late from an older one is told apart.
struct Connect {
  std::uint32_t connection = 0;
  std::vector<sys::Address> targets;
  std::optional<sys::Address> source;
  std::string server_name;  ///< as configured: what a certificate must have, where one is asked for
};
/// One address did not answer; the next is tried.
struct ConnectFailed {
  std::uint32_t connection = 0;
  std::string address;
  std::int32_t sys_errno = 0;
};
/// TLS stands.
struct Opened {
  std::uint32_t connection = 0;
  srp::ChannelBinding binding{};
};
/// One frame, from us (kSend) or from the server (kReceived).  `payload` borrows from the message.
struct Envelope {
  std::uint32_t connection = 0;
  wire::Type type = wire::Type::Report;
  ByteView payload;
};
/// The connection is gone, or none could be made.
struct Closed {
  std::uint32_t connection = 0;
  std::int32_t sys_errno = 0;
  std::string text;
};
/// So many of the CHUNKs that we sent are with the kernel: the courier keeps none, and can be given
/// others.
struct Taken {
  std::uint32_t connection = 0;
  std::uint32_t chunks = 0;
};
/// What the resolver found; `error` says why there are no addresses.
struct Resolved {
  std::string own_name;
  std::vector<sys::Address> addresses;
  std::string error;
};
/// What the resolver is asked, as its set-up: an empty host asks for our own name only.
struct Question {
  std::string host;
  std::uint16_t port = 0;
};

Bytes encode(const Connect& message);
Bytes encode(const ConnectFailed& message);
Bytes encode(const Opened& message);
Bytes encode(const Envelope& message);
Bytes encode(const Closed& message);
Bytes encode(const Taken& message);
Bytes encode(const Resolved& message);
Bytes encode(const Question& message);
Bytes encode_close(std::uint32_t connection);

Result<Connect> decode_connect(ByteView payload);
Result<ConnectFailed> decode_connect_failed(ByteView payload);
Result<Opened> decode_opened(ByteView payload);
Result<Envelope> decode_envelope(ByteView payload);
Result<Closed> decode_closed(ByteView payload);
Result<Taken> decode_taken(ByteView payload);
Result<Resolved> decode_resolved(ByteView payload);
Result<Question> decode_question(ByteView payload);
Result<std::uint32_t> decode_close(ByteView payload);

std::span<const sys::Rule> rules_for_courier();   ///< what the courier accepts from the scanner
std::span<const sys::Rule> rules_from_courier();  ///< what the scanner accepts from the courier
std::span<const sys::Rule> rules_from_resolver();

}  // namespace samhain::uplink
