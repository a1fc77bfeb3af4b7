#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "srp/exchange.h"
#include "srp/verifier.h"
#include "sys/channel.h"
#include "wire/files.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include "wire/tls.h"

/// What the keeper and its roles may ask of each other: the whole table (docs/security.md).  The
/// keeper is one end of every channel; roles never talk to one another.
namespace samhain::server {

using ConnectionId = std::uint64_t;

// --- keeper -> front -------------------------------------------------------------------------
inline constexpr std::uint16_t kTake = 16;   ///< u64 connection; its socket comes with it
inline constexpr std::uint16_t kReply = 17;  ///< u64 connection, u8 type, u8 is_last, payload
inline constexpr std::uint16_t kAck = 18;    ///< u64 connection, u64 seq
inline constexpr std::uint16_t kClose = 19;  ///< u64 connection
inline constexpr std::uint16_t kRenew = 20;  ///< FrontSetUp, changed by a reload
inline constexpr std::uint16_t kFile = 21;   ///< Delivery; the file comes with it, to be read
inline constexpr std::uint16_t kStore = 22;  ///< u64 connection; an empty file, to be written

// --- front -> keeper -------------------------------------------------------------------------
inline constexpr std::uint16_t kHello = 32;      ///< u64 connection, frame's payload
inline constexpr std::uint16_t kProof = 33;      ///< u64 connection, 32 bytes binding, payload
inline constexpr std::uint16_t kResume = 34;     ///< the same
inline constexpr std::uint16_t kReport = 35;     ///< u64 connection, frame's payload
inline constexpr std::uint16_t kGone = 36;       ///< u64 connection, u8 Departure
inline constexpr std::uint16_t kViolation = 37;  ///< u64 connection, text reason; it is closed
inline constexpr std::uint16_t kGet = 38;        ///< u64 connection, frame's payload
inline constexpr std::uint16_t kSent = 39;       ///< u64 connection, u8 is_whole; else it is closed
inline constexpr std::uint16_t kPut = 40;        ///< u64 connection, frame's payload
inline constexpr std::uint16_t kPutEnd = 41;     ///< PutEnd: all chunks of a PUT are in the file

// --- keeper -> gate --------------------------------------------------------------------------
inline constexpr std::uint16_t kBegin = 48;   ///< Begin
inline constexpr std::uint16_t kProve = 49;   ///< Prove
inline constexpr std::uint16_t kForget = 50;  ///< u64 connection

// --- gate -> keeper --------------------------------------------------------------------------
inline constexpr std::uint16_t kChallenge = 51;  ///< u64 connection, B
inline constexpr std::uint16_t kBad = 52;        ///< u64 connection, text reason
inline constexpr std::uint16_t kProven = 53;     ///< u64 connection, M2, agreed key
inline constexpr std::uint16_t kMismatch = 54;   ///< u64 connection

// --- keeper -> resolver ----------------------------------------------------------------------
inline constexpr std::uint16_t kJudge = 64;   ///< u64 request, text address
inline constexpr std::uint16_t kLookUp = 65;  ///< u64 request, text address, text claim

// --- resolver -> keeper ----------------------------------------------------------------------
inline constexpr std::uint16_t kVerdict = 66;  ///< u64 request, u8 is_allowed
inline constexpr std::uint16_t kNames = 67;    ///< u64 request, NameFacts

/// Longest reason and longest address in a request, in bytes.
inline constexpr std::size_t kMaxReason = 200;
inline constexpr std::size_t kMaxAddress = 64;

/// Longest certificate chain, longest key in PEM, in bytes.
inline constexpr std::size_t kMaxPem = 64U << 10;

/// Longest name that DNS or a client may give (RFC 1035, with room for a final dot).
inline constexpr std::size_t kMaxName = 255;

// The tables as the receiving end of each channel reads them.
inline constexpr std::array<sys::Rule, 7> kToFront = {{
    {.kind = kTake, .min_size = 8, .max_size = 8, .descriptors = 1},
    {.kind = kReply, .min_size = 10, .max_size = 10 + wire::kMaxStranger},
    {.kind = kAck, .min_size = 16, .max_size = 16},
    {.kind = kClose, .min_size = 8, .max_size = 8},
    {.kind = kRenew, .min_size = 20, .max_size = 20 + 2 * kMaxPem, .is_secret = true},
    {.kind = kFile, .min_size = 80, .max_size = 80, .descriptors = 1},
    {.kind = kStore, .min_size = 8, .max_size = 8, .descriptors = 1},
}};
/// Largest file that a client may upload, whatever the settings say: what a front can write into a
/// file that it is lent.
inline constexpr std::uint64_t kMaxUpload = std::uint64_t{2} << 30;

/// Payloads of GET (with and without a UUID) and PUT.
inline constexpr std::size_t kGetSize = 1 + 16 + 32 + 4;
inline constexpr std::size_t kMaxGetSize = kGetSize + wire::kUuidSize;
inline constexpr std::size_t kPutSize = 16 + 8 + 32;
inline constexpr std::array<sys::Rule, 10> kFromFront = {{
    {.kind = kHello, .min_size = 8, .max_size = 8 + wire::kMaxStranger},
    {.kind = kProof, .min_size = 40, .max_size = 40 + wire::kMaxStranger},
    {.kind = kResume, .min_size = 40, .max_size = 40 + wire::kMaxStranger},
    {.kind = kReport, .min_size = 8, .max_size = 8 + wire::kMaxMember},
    {.kind = kGone, .min_size = 9, .max_size = 9},
    {.kind = kViolation, .min_size = 12, .max_size = 12 + kMaxReason},
    {.kind = kGet, .min_size = 8 + kGetSize, .max_size = 8 + kMaxGetSize},
    {.kind = kSent, .min_size = 9, .max_size = 9},
    {.kind = kPut, .min_size = 8 + kPutSize, .max_size = 8 + kPutSize},
    {.kind = kPutEnd, .min_size = 41, .max_size = 41},
}};
inline constexpr std::size_t kBeginSize = 8 + 4 + 32 + srp::kSaltSize + 2 * srp::kNumberSize;
inline constexpr std::array<sys::Rule, 3> kToGate = {{
    {.kind = kBegin, .min_size = kBeginSize, .max_size = kBeginSize + kMaxName},
    {.kind = kProve, .min_size = 72, .max_size = 72},
    {.kind = kForget, .min_size = 8, .max_size = 8},
}};
inline constexpr std::array<sys::Rule, 4> kFromGate = {{
    {.kind = kChallenge, .min_size = 8 + srp::kNumberSize, .max_size = 8 + srp::kNumberSize},
    {.kind = kBad, .min_size = 12, .max_size = 12 + kMaxReason},
    {.kind = kProven, .min_size = 72, .max_size = 72, .is_secret = true},
    {.kind = kMismatch, .min_size = 8, .max_size = 8},
}};
inline constexpr std::array<sys::Rule, 2> kToResolver = {{
    {.kind = kJudge, .min_size = 12, .max_size = 12 + kMaxAddress},
    {.kind = kLookUp, .min_size = 16, .max_size = 16 + kMaxAddress + kMaxName},
}};
inline constexpr std::array<sys::Rule, 2> kFromResolver = {{
    {.kind = kVerdict, .min_size = 9, .max_size = 9},
    {.kind = kNames, .min_size = 16, .max_size = 16 + kMaxName},
}};

/// How a connection ended on its own.
enum class Departure : std::uint8_t {
  Closed = 1,        ///< orderly, or an idle one that timed out
  Reset,             ///< broken off
  HandshakeTimeout,  ///< not authenticated in time
  FrameTimeout,      ///< a frame was begun and not completed in time
};

/// The time-outs of a front (docs/protocol.md section 7).
struct FrontSettings {
  std::chrono::seconds handshake{30};
  std::chrono::seconds idle{600};
  std::chrono::seconds frame{30};
};
/// What a front needs to know, at its start and again after a reload.
struct FrontSetUp {
  FrontSettings settings;
  wire::Credentials certificate;  ///< empty: it makes one for itself; borrows from the payload
};
Bytes encode(const FrontSetUp& set_up);
std::optional<FrontSetUp> decode_front_set_up(ByteView payload);

/// A message that is about one connection and otherwise opaque: most of them.
struct About {
  ConnectionId connection = 0;
  ByteView rest;  ///< borrows from the payload
};
Bytes encode_about(ConnectionId connection, ByteView rest = {});
std::optional<About> decode_about(ByteView payload);

/// kProof and kResume: the front adds what binds them to its TLS connection.
struct Bound {
  ConnectionId connection = 0;
  srp::ChannelBinding binding{};
  ByteView body;  ///< borrows from the payload
};
Bytes encode_bound(ConnectionId connection, const srp::ChannelBinding& binding, ByteView body);
std::optional<Bound> decode_bound(ByteView payload);

struct Reply {
  ConnectionId connection = 0;
  wire::Type type = wire::Type::Invalid;
  bool is_last = false;  ///< close when it is sent
  ByteView payload;      ///< borrows
};
Bytes encode(const Reply& reply);
/// Nothing for a type that only clients send.
std::optional<Reply> decode_reply(ByteView payload);

/// A file for the client, with all that FILE and END say.
struct Delivery {
  ConnectionId connection = 0;
  wire::File file;
  crypto::Tag mac{};
};
Bytes encode(const Delivery& delivery);
std::optional<Delivery> decode_delivery(ByteView payload);

struct PutEnd {
  ConnectionId connection = 0;
  bool is_whole = false;  ///< false: a write failed
  crypto::Tag mac{};
};
Bytes encode(const PutEnd& end);
std::optional<PutEnd> decode_put_end(ByteView payload);

/// kViolation and kBad.
struct Complaint {
  ConnectionId connection = 0;
  std::string reason;
};
Bytes encode(const Complaint& complaint);
std::optional<Complaint> decode_complaint(ByteView payload);

/// One authentication, with the one verifier it needs.
struct Begin {
  ConnectionId connection = 0;
  srp::Speaker speaker;
  srp::Salt salt{};
  srp::Number v{};
  srp::Number a_public{};
};
Bytes encode(const Begin& begin);
std::optional<Begin> decode_begin(ByteView payload);

struct Prove {
  ConnectionId connection = 0;
  srp::Proof m1{};
  srp::ChannelBinding binding{};
};
Bytes encode(const Prove& prove);
std::optional<Prove> decode_prove(ByteView payload);

struct LookUp {
  std::uint64_t request = 0;
  std::string address;
  std::string claim;  ///< empty: only the address is asked about
};
Bytes encode(const LookUp& look_up);
std::optional<LookUp> decode_look_up(ByteView payload);

/// What the resolver found out about a peer and, where one was given, its claim.
struct NameFacts {
  bool claim_resolves = false;  ///< to a canonical name with a dot
  bool peer_confirmed = false;  ///< the peer's name resolves back to its address
  bool claim_matches = false;   ///< the claim is the peer's name or an alias of it
  std::string peer_name;        ///< lower case; empty: the address has none
};
Bytes encode(std::uint64_t request, const NameFacts& facts);
struct NamesAnswer {
  std::uint64_t request = 0;
  NameFacts facts;
};
std::optional<NamesAnswer> decode_names(ByteView payload);

}  // namespace samhain::server
