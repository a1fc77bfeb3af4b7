#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/mac.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/result.h"
#include "srp/exchange.h"
#include "wire/messages.h"

/// The payloads of docs/protocol.md section 6: files that a server keeps for its clients.  A
/// CHUNK's payload is the bytes themselves.  Each decode_… returns Malformed for a payload that is
/// short or long.
namespace samhain::wire {

/// A client asks for a kind, never for a path.
enum class FileKind : std::uint8_t {
  Configuration = 1,
  Baseline,
  Delta,  ///< changes to a baseline, named by a UUID
};

struct Get {
  FileKind kind = FileKind::Configuration;
  Id nonce{};         ///< random: the answer is to this question and no earlier one
  Digest held{};      ///< of the copy that the client has; zeros: none
  std::string delta;  ///< of a Delta: its UUID; else empty
};
struct File {
  std::uint64_t size = 0;
  Digest sha256{};
};
struct Put {
  Id nonce{};
  std::uint64_t size = 0;
  Digest sha256{};
};

/// Longest payload of a CHUNK.
inline constexpr std::size_t kMaxChunk = 64U << 10;
inline constexpr std::size_t kUuidSize = 36;

Bytes encode(const Get& message);
Bytes encode(const File& message);
Bytes encode(const Put& message);
/// END, UNCHANGED, NOFILE and STORED are a MAC and nothing else.
Bytes encode_tag(const crypto::Tag& tag);

/// 8-4-4-4-12 hex digits (RFC 9562 section 4): a UUID becomes part of a file's name.
bool is_uuid(std::string_view text);

Result<Get> decode_get(ByteView payload);
Result<File> decode_file(ByteView payload);
Result<Put> decode_put(ByteView payload);
Result<crypto::Tag> decode_tag(ByteView payload);

/// The key of file transfers of a session, derived beside report_key().
crypto::Key file_key(const srp::SessionKey& agreed, const Id& session_id);

/// What a MAC of a transfer vouches for.
enum class Vouched : std::uint8_t {
  File = 1,   ///< END behind the chunks of a FILE: it is whole, and what was asked for
  Unchanged,  ///< the copy held is current
  NoFile,     ///< the server has none; of zeros
  Put,        ///< END behind the chunks of a PUT
  Stored,     ///< the server has it, and it waits for approval
};
/// HMAC(file key, u8 vouched | u8 kind | nonce | sha256).
crypto::Tag file_mac(crypto::Mac& mac, Vouched vouched, FileKind kind, const Id& nonce,
                     const Digest& sha256);

}  // namespace samhain::wire
