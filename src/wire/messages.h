#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "crypto/mac.h"
#include "samhain/bytes.h"
#include "samhain/result.h"
#include "srp/exchange.h"
#include "srp/verifier.h"

/// The payloads of docs/protocol.md sections 3 to 5.  Each decode_… returns Malformed for a payload
/// that is short, long, or has a text that is no UTF-8, and copies what it keeps.  INVALID has no
/// payload.  The text of an error does not name the message: the caller knows which it was.
namespace samhain::wire {

inline constexpr std::uint16_t kVersion = 3;

using Id = std::array<std::uint8_t, 16>;

/// The spool id of a visitor: it has nothing to report and leaves its client's session alone.
inline constexpr Id kNoSpool{};

struct Hello {
  std::uint16_t version = kVersion;
  srp::Speaker speaker;
  srp::Number a_public{};
};
struct Challenge {
  srp::Salt salt{};
  srp::Number b_public{};
};
struct Proof {
  srp::Proof m1{};
};
struct Accepted {
  srp::Proof m2{};
  Id session_id{};
  std::uint32_t lifetime_s = 0;
  std::uint64_t next_seq = 0;
  std::uint32_t max_frame = 0;
  std::string client_name;  ///< as the server knows the client
};
/// Why a server refuses; the client logs the same line for all of them.
enum class Refusal : std::uint8_t {
  NotRegistered = 1,
  WrongProof,
  TooManyAttempts,
  BadRequest,
  Unavailable
};
struct Refused {
  Refusal reason = Refusal::BadRequest;
  std::string client_name;  ///< as the server would know the client; empty where it does not matter
};
struct Resume {
  Id session_id{};
  Id nonce{};
  crypto::Tag mac{};
};
struct Resumed {
  crypto::Tag mac{};
  std::uint64_t next_seq = 0;
};
/// `body` borrows from the payload: it is passed on, not looked into.
struct Report {
  std::uint64_t seq = 0;
  crypto::Tag mac{};
  ByteView body;
};
/// An administrator's order to a client; the words are those of yulectl(8).
struct Command {
  std::uint64_t id = 0;  ///< grows with every command of a server: a client does none twice
  std::string words;     ///< "RELOAD", "DELTA:UUID", …; at most kMaxCommand bytes
  bool operator==(const Command&) const = default;
};
inline constexpr std::uint32_t kMaxCommand = 80;
inline constexpr std::size_t kMaxCommands = 16;  ///< in one ACK
struct Ack {
  std::uint64_t seq = 0;  ///< all reports up to here are durable
  std::vector<Command> commands;
  crypto::Tag mac{};  ///< commands_mac(); only where there are commands
};

Bytes encode(const Hello& message);
Bytes encode(const Challenge& message);
Bytes encode(const Proof& message);
Bytes encode(const Accepted& message);
Bytes encode(const Refused& message);
Bytes encode(const Resume& message);
Bytes encode(const Resumed& message);
Bytes encode(const Report& message);
Bytes encode(const Ack& message);

/// The name has at most srp::kMaxHostName bytes and may be empty: the server judges names.
/// Errors besides: Version (not kVersion; nothing after it was looked at).
Result<Hello> decode_hello(ByteView payload);
Result<Challenge> decode_challenge(ByteView payload);
Result<Proof> decode_proof(ByteView payload);
Result<Accepted> decode_accepted(ByteView payload);
Result<Refused> decode_refused(ByteView payload);
Result<Resume> decode_resume(ByteView payload);
Result<Resumed> decode_resumed(ByteView payload);
Result<Report> decode_report(ByteView payload);
Result<Ack> decode_ack(ByteView payload);

/// The keys of a session, both derived by HKDF from what SRP agreed on (section 3).
crypto::Key report_key(const srp::SessionKey& agreed, const Id& session_id);

/// HMAC(report key, "report" | session_id | seq | body) (section 5).
crypto::Tag report_mac(crypto::Mac& mac, const Id& session_id, std::uint64_t seq, ByteView body);

/// HMAC(report key, "command" | session_id | the commands as ACK has them, their count first):
/// whoever carries an ACK gives no orders.
crypto::Tag commands_mac(crypto::Mac& mac, const Id& session_id,
                         const std::vector<Command>& commands);

/// HMAC(report key, "resume" or "resumed" | nonce | channel binding) (section 4).
crypto::Tag resume_mac(crypto::Mac& mac, const Id& nonce, const srp::ChannelBinding& binding);
crypto::Tag resumed_mac(crypto::Mac& mac, const Id& nonce, const srp::ChannelBinding& binding);

}  // namespace samhain::wire
