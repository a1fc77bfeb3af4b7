#include "wire/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <string_view>

#include "base/codec.h"
#include "base/text.h"

namespace samhain::wire {
namespace {

using base::Reader;
using base::Writer;

constexpr std::string_view kReportKeyInfo = "samhain/3 report";
constexpr const char* kWrongLength = "wrong length";
constexpr const char* kNameIsNoText = "name is no text";

Error malformed(const char* message) { return Error{Error::Kind::Malformed, message}; }

/// A byte string that must have exactly N bytes.
template <std::size_t N>
bool read_exactly(Reader& reader, std::array<std::uint8_t, N>& output) {
  const ByteView bytes = reader.bytes(N);
  if (bytes.size() != N) return false;
  std::copy(bytes.begin(), bytes.end(), output.begin());
  return true;
}

crypto::Tag reconnect_mac(crypto::Mac& mac, std::string_view purpose, const Id& nonce,
                          const srp::ChannelBinding& binding) {
  return mac.compute(std::array<ByteView, 3>{as_bytes(purpose), nonce, binding});
}

void put_commands(Writer& writer, const std::vector<Command>& commands) {
  writer.number(static_cast<std::uint8_t>(commands.size()));
  for (const Command& command : commands) writer.number(command.id).text(command.words);
}

}  // namespace

Bytes encode(const Hello& message) {
  Writer writer;
  writer.number(message.version)
      .text(message.speaker.name)
      .raw_bytes(message.speaker.instance_id)
      .raw_bytes(message.speaker.spool_id)
      .bytes(message.a_public);
  return writer.take();
}

Bytes encode(const Challenge& message) {
  Writer writer;
  writer.bytes(message.salt).bytes(message.b_public);
  return writer.take();
}

Bytes encode(const Proof& message) { return {message.m1.begin(), message.m1.end()}; }

Bytes encode(const Accepted& message) {
  Writer writer;
  writer.raw_bytes(message.m2)
      .raw_bytes(message.session_id)
      .number(message.lifetime_s)
      .number(message.next_seq)
      .number(message.max_frame)
      .text(message.client_name);
  return writer.take();
}

Bytes encode(const Refused& message) {
  Writer writer;
  writer.number(static_cast<std::uint8_t>(message.reason)).text(message.client_name);
  return writer.take();
}

Bytes encode(const Resume& message) {
  Writer writer;
  writer.raw_bytes(message.session_id).raw_bytes(message.nonce).raw_bytes(message.mac);
  return writer.take();
}

Bytes encode(const Resumed& message) {
  Writer writer;
  writer.raw_bytes(message.mac).number(message.next_seq);
  return writer.take();
}

Bytes encode(const Report& message) {
  Writer writer;
  writer.number(message.seq).raw_bytes(message.mac).bytes(message.body);
  return writer.take();
}

Bytes encode(const Ack& message) {
  assert(message.commands.size() <= kMaxCommands);
  Writer writer;
  writer.number(message.seq);
  put_commands(writer, message.commands);
  if (!message.commands.empty()) writer.raw_bytes(message.mac);
  return writer.take();
}

Result<Hello> decode_hello(ByteView payload) {
  Reader reader{payload};
  Hello message;
  message.version = reader.number<std::uint16_t>();
  if (!reader.is_good()) return malformed(kWrongLength);
  // Only the version is sure to be where it is; the rest belongs to that version.
  if (message.version != kVersion) {
    return Error{Error::Kind::Version,
                 fmt::format("protocol version {}, ours is {}", message.version, kVersion)};
  }

  message.speaker.name = reader.text(srp::kMaxHostName);
  message.speaker.instance_id = reader.array<16>();
  message.speaker.spool_id = reader.array<16>();
  if (!read_exactly(reader, message.a_public) || !reader.is_complete()) {
    return malformed(kWrongLength);
  }
  if (!base::is_utf8_text(message.speaker.name)) return malformed(kNameIsNoText);
  return message;
}

Result<Challenge> decode_challenge(ByteView payload) {
  Reader reader{payload};
  Challenge message;
  if (!read_exactly(reader, message.salt) || !read_exactly(reader, message.b_public) ||
      !reader.is_complete()) {
    return malformed(kWrongLength);
  }
  return message;
}

Result<Proof> decode_proof(ByteView payload) {
  Reader reader{payload};
  const Proof message{.m1 = reader.array<32>()};
  if (!reader.is_complete()) return malformed(kWrongLength);
  return message;
}

Result<Accepted> decode_accepted(ByteView payload) {
  Reader reader{payload};
  Accepted message;
  message.m2 = reader.array<32>();
  message.session_id = reader.array<16>();
  message.lifetime_s = reader.number<std::uint32_t>();
  message.next_seq = reader.number<std::uint64_t>();
  message.max_frame = reader.number<std::uint32_t>();
  message.client_name = reader.text(srp::kMaxHostName);
  if (!reader.is_complete()) return malformed(kWrongLength);
  if (!base::is_utf8_text(message.client_name)) return malformed(kNameIsNoText);
  return message;
}

Result<Refused> decode_refused(ByteView payload) {
  Reader reader{payload};
  const auto reason = reader.number<std::uint8_t>();
  Refused message{.client_name = std::string{reader.text(srp::kMaxHostName)}};
  if (!reader.is_complete()) return malformed(kWrongLength);
  if (!base::is_utf8_text(message.client_name)) return malformed(kNameIsNoText);
  if (reason < static_cast<std::uint8_t>(Refusal::NotRegistered) ||
      reason > static_cast<std::uint8_t>(Refusal::Unavailable)) {
    return malformed("unknown reason");
  }
  message.reason = static_cast<Refusal>(reason);
  return message;
}

Result<Resume> decode_resume(ByteView payload) {
  Reader reader{payload};
  Resume message;
  message.session_id = reader.array<16>();
  message.nonce = reader.array<16>();
  message.mac = reader.array<32>();
  if (!reader.is_complete()) return malformed(kWrongLength);
  return message;
}

Result<Resumed> decode_resumed(ByteView payload) {
  Reader reader{payload};
  Resumed message;
  message.mac = reader.array<32>();
  message.next_seq = reader.number<std::uint64_t>();
  if (!reader.is_complete()) return malformed(kWrongLength);
  return message;
}

Result<Report> decode_report(ByteView payload) {
  Reader reader{payload};
  Report message;
  message.seq = reader.number<std::uint64_t>();
  message.mac = reader.array<32>();
  message.body = reader.bytes();
  if (!reader.is_complete()) return malformed(kWrongLength);
  return message;
}

Result<Ack> decode_ack(ByteView payload) {
  Reader reader{payload};
  Ack message;
  message.seq = reader.number<std::uint64_t>();
  const auto count = reader.number<std::uint8_t>();
  if (count > kMaxCommands) return malformed("too many commands");
  for (unsigned i = 0; i < count && reader.is_good(); ++i) {
    Command& command = message.commands.emplace_back();
    command.id = reader.number<std::uint64_t>();
    command.words = reader.text(kMaxCommand);
  }
  if (count > 0) message.mac = reader.array<32>();
  if (!reader.is_complete()) return malformed(kWrongLength);
  const bool are_text = std::ranges::all_of(
      message.commands, [](const Command& command) { return base::is_utf8_text(command.words); });
  if (!are_text) return malformed("command is no text");
  return message;
}

crypto::Key report_key(const srp::SessionKey& agreed, const Id& session_id) {
  return crypto::derive_key(agreed.span(), session_id, kReportKeyInfo);
}

crypto::Tag report_mac(crypto::Mac& mac, const Id& session_id, std::uint64_t seq, ByteView body) {
  Writer number;
  number.number(seq);
  return mac.compute(std::array<ByteView, 4>{as_bytes("report"), session_id, number.view(), body});
}

crypto::Tag commands_mac(crypto::Mac& mac, const Id& session_id,
                         const std::vector<Command>& commands) {
  Writer writer;
  put_commands(writer, commands);
  return mac.compute(std::array<ByteView, 3>{as_bytes("command"), session_id, writer.view()});
}

crypto::Tag resume_mac(crypto::Mac& mac, const Id& nonce, const srp::ChannelBinding& binding) {
  return reconnect_mac(mac, "resume", nonce, binding);
}

crypto::Tag resumed_mac(crypto::Mac& mac, const Id& nonce, const srp::ChannelBinding& binding) {
  return reconnect_mac(mac, "resumed", nonce, binding);
}

}  // namespace samhain::wire
