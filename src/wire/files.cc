#include "wire/files.h"

#include <algorithm>
#include <array>

#include "base/codec.h"

namespace samhain::wire {
namespace {

using base::Reader;
using base::Writer;

constexpr std::string_view kFileKeyInfo = "samhain/3 file";

Error malformed(const char* message) { return Error{Error::Kind::Malformed, message}; }

}  // namespace

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  static_assert(kForm.size() == kUuidSize);
  const auto fits = [](char c, char form) {
    if (form == '-') return c == '-';
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  return text.size() == kForm.size() && std::equal(text.begin(), text.end(), kForm.begin(), fits);
}

Bytes encode(const Get& message) {
  Writer writer;
  writer.number(static_cast<std::uint8_t>(message.kind))
      .raw_bytes(message.nonce)
      .raw_bytes(message.held)
      .text(message.delta);
  return writer.take();
}

Bytes encode(const File& message) {
  Writer writer;
  writer.number(message.size).raw_bytes(message.sha256);
  return writer.take();
}

Bytes encode(const Put& message) {
  Writer writer;
  writer.raw_bytes(message.nonce).number(message.size).raw_bytes(message.sha256);
  return writer.take();
}

Bytes encode_tag(const crypto::Tag& tag) { return {tag.begin(), tag.end()}; }

Result<Get> decode_get(ByteView payload) {
  Reader reader{payload};
  Get message;
  const auto kind = reader.number<std::uint8_t>();
  message.nonce = reader.array<16>();
  message.held = reader.array<32>();
  message.delta = reader.text(kUuidSize);
  if (!reader.is_complete()) return malformed("wrong length");
  message.kind = static_cast<FileKind>(kind);
  switch (message.kind) {
    case FileKind::Configuration:
    case FileKind::Baseline:
      if (message.delta.empty()) return message;
      return malformed("a UUID for what has none");
    case FileKind::Delta:
      if (is_uuid(message.delta)) return message;
      return malformed("not a UUID");
  }
  return malformed("unknown kind of file");
}

Result<File> decode_file(ByteView payload) {
  Reader reader{payload};
  File message;
  message.size = reader.number<std::uint64_t>();
  message.sha256 = reader.array<32>();
  if (!reader.is_complete()) return malformed("wrong length");
  return message;
}

Result<Put> decode_put(ByteView payload) {
  Reader reader{payload};
  Put message;
  message.nonce = reader.array<16>();
  message.size = reader.number<std::uint64_t>();
  message.sha256 = reader.array<32>();
  if (!reader.is_complete()) return malformed("wrong length");
  return message;
}

Result<crypto::Tag> decode_tag(ByteView payload) {
  Reader reader{payload};
  const crypto::Tag tag = reader.array<32>();
  if (!reader.is_complete()) return malformed("wrong length");
  return tag;
}

crypto::Key file_key(const srp::SessionKey& agreed, const Id& session_id) {
  return crypto::derive_key(agreed.span(), session_id, kFileKeyInfo);
}

crypto::Tag file_mac(crypto::Mac& mac, Vouched vouched, FileKind kind, const Id& nonce,
                     const Digest& sha256) {
  const std::array<std::uint8_t, 2> words = {static_cast<std::uint8_t>(vouched),
                                             static_cast<std::uint8_t>(kind)};
  return mac.compute(std::array<ByteView, 3>{words, nonce, sha256});
}

}  // namespace samhain::wire
