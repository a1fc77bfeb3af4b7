#include "server/requests.h"

#include <algorithm>

#include "base/codec.h"

namespace samhain::server {
namespace {

constexpr std::uint8_t kClaimResolves = 1;
constexpr std::uint8_t kPeerConfirmed = 2;
constexpr std::uint8_t kClaimMatches = 4;

std::string_view cut(std::string_view text, std::size_t limit) {
  return text.substr(0, std::min(text.size(), limit));
}

bool is_from_server(std::uint8_t type) {
  switch (static_cast<wire::Type>(type)) {
    case wire::Type::Challenge:
    case wire::Type::Accepted:
    case wire::Type::Refused:
    case wire::Type::Resumed:
    case wire::Type::Invalid:
    case wire::Type::Ack:
    case wire::Type::Unchanged:
    case wire::Type::NoFile:
    case wire::Type::Stored:
      return true;
    default:
      return false;
  }
}

}  // namespace

Bytes encode(const FrontSetUp& set_up) {
  base::Writer writer;
  const FrontSettings& settings = set_up.settings;
  for (const auto limit : {settings.handshake, settings.idle, settings.frame}) {
    writer.number(static_cast<std::uint32_t>(limit.count()));
  }
  writer.text(set_up.certificate.chain).text(set_up.certificate.key);
  return writer.take();
}

std::optional<FrontSetUp> decode_front_set_up(ByteView payload) {
  base::Reader reader(payload);
  FrontSetUp set_up;
  for (auto* limit : {&set_up.settings.handshake, &set_up.settings.idle, &set_up.settings.frame}) {
    *limit = std::chrono::seconds{reader.number<std::uint32_t>()};
  }
  set_up.certificate.chain = reader.text(kMaxPem);
  set_up.certificate.key = reader.text(kMaxPem);
  if (!reader.is_complete()) return std::nullopt;
  return set_up;
}

Bytes encode_about(ConnectionId connection, ByteView rest) {
  base::Writer writer;
  writer.number(connection).raw_bytes(rest);
  return writer.take();
}

std::optional<About> decode_about(ByteView payload) {
  base::Reader reader(payload);
  About about;
  about.connection = reader.number<std::uint64_t>();
  about.rest = reader.raw_bytes(reader.left());
  if (!reader.is_complete()) return std::nullopt;
  return about;
}

Bytes encode_bound(ConnectionId connection, const srp::ChannelBinding& binding, ByteView body) {
  base::Writer writer;
  writer.number(connection).raw_bytes(binding).raw_bytes(body);
  return writer.take();
}

std::optional<Bound> decode_bound(ByteView payload) {
  base::Reader reader(payload);
  Bound bound;
  bound.connection = reader.number<std::uint64_t>();
  bound.binding = reader.array<32>();
  bound.body = reader.raw_bytes(reader.left());
  if (!reader.is_complete()) return std::nullopt;
  return bound;
}

Bytes encode(const Reply& reply) {
  base::Writer writer;
  writer.number(reply.connection)
      .number(static_cast<std::uint8_t>(reply.type))
      .number(static_cast<std::uint8_t>(reply.is_last))
      .raw_bytes(reply.payload);
  return writer.take();
}

std::optional<Reply> decode_reply(ByteView payload) {
  base::Reader reader(payload);
  Reply reply;
  reply.connection = reader.number<std::uint64_t>();
  const auto type = reader.number<std::uint8_t>();
  reply.is_last = reader.number<std::uint8_t>() != 0;
  reply.payload = reader.raw_bytes(reader.left());
  if (!reader.is_complete() || !is_from_server(type)) return std::nullopt;
  reply.type = static_cast<wire::Type>(type);
  return reply;
}

Bytes encode(const Delivery& delivery) {
  base::Writer writer;
  writer.number(delivery.connection)
      .number(delivery.file.size)
      .raw_bytes(delivery.file.sha256)
      .raw_bytes(delivery.mac);
  return writer.take();
}

std::optional<Delivery> decode_delivery(ByteView payload) {
  base::Reader reader(payload);
  Delivery delivery;
  delivery.connection = reader.number<std::uint64_t>();
  delivery.file.size = reader.number<std::uint64_t>();
  delivery.file.sha256 = reader.array<32>();
  delivery.mac = reader.array<32>();
  if (!reader.is_complete()) return std::nullopt;
  return delivery;
}

Bytes encode(const PutEnd& end) {
  base::Writer writer;
  writer.number(end.connection).number(static_cast<std::uint8_t>(end.is_whole)).raw_bytes(end.mac);
  return writer.take();
}

std::optional<PutEnd> decode_put_end(ByteView payload) {
  base::Reader reader(payload);
  PutEnd end;
  end.connection = reader.number<std::uint64_t>();
  end.is_whole = reader.number<std::uint8_t>() == 1;
  end.mac = reader.array<32>();
  if (!reader.is_complete()) return std::nullopt;
  return end;
}

Bytes encode(const Complaint& complaint) {
  base::Writer writer;
  writer.number(complaint.connection).text(cut(complaint.reason, kMaxReason));
  return writer.take();
}

std::optional<Complaint> decode_complaint(ByteView payload) {
  base::Reader reader(payload);
  Complaint complaint;
  complaint.connection = reader.number<std::uint64_t>();
  complaint.reason = reader.text(kMaxReason);
  if (!reader.is_complete()) return std::nullopt;
  return complaint;
}

Bytes encode(const Begin& begin) {
  base::Writer writer;
  writer.number(begin.connection)
      .text(cut(begin.speaker.name, kMaxName))
      .raw_bytes(begin.speaker.instance_id)
      .raw_bytes(begin.speaker.spool_id)
      .raw_bytes(begin.salt)
      .raw_bytes(begin.v)
      .raw_bytes(begin.a_public);
  return writer.take();
}

std::optional<Begin> decode_begin(ByteView payload) {
  base::Reader reader(payload);
  Begin begin;
  begin.connection = reader.number<std::uint64_t>();
  begin.speaker.name = reader.text(kMaxName);
  begin.speaker.instance_id = reader.array<16>();
  begin.speaker.spool_id = reader.array<16>();
  begin.salt = reader.array<srp::kSaltSize>();
  begin.v = reader.array<srp::kNumberSize>();
  begin.a_public = reader.array<srp::kNumberSize>();
  if (!reader.is_complete()) return std::nullopt;
  return begin;
}

Bytes encode(const Prove& prove) {
  base::Writer writer;
  writer.number(prove.connection).raw_bytes(prove.m1).raw_bytes(prove.binding);
  return writer.take();
}

std::optional<Prove> decode_prove(ByteView payload) {
  base::Reader reader(payload);
  Prove prove;
  prove.connection = reader.number<std::uint64_t>();
  prove.m1 = reader.array<32>();
  prove.binding = reader.array<32>();
  if (!reader.is_complete()) return std::nullopt;
  return prove;
}

Bytes encode(const LookUp& look_up) {
  base::Writer writer;
  writer.number(look_up.request)
      .text(cut(look_up.address, kMaxAddress))
      .text(cut(look_up.claim, kMaxName));
  return writer.take();
}

std::optional<LookUp> decode_look_up(ByteView payload) {
  base::Reader reader(payload);
  LookUp look_up;
  look_up.request = reader.number<std::uint64_t>();
  look_up.address = reader.text(kMaxAddress);
  look_up.claim = reader.text(kMaxName);
  if (!reader.is_complete()) return std::nullopt;
  return look_up;
}

Bytes encode(std::uint64_t request, const NameFacts& facts) {
  // Flags first and padded to four bytes, so that the smallest answer has a fixed size.
  const auto flags = static_cast<std::uint32_t>((facts.claim_resolves ? kClaimResolves : 0) |
                                                (facts.peer_confirmed ? kPeerConfirmed : 0) |
                                                (facts.claim_matches ? kClaimMatches : 0));
  base::Writer writer;
  writer.number(request).number(flags).text(cut(facts.peer_name, kMaxName));
  return writer.take();
}

std::optional<NamesAnswer> decode_names(ByteView payload) {
  base::Reader reader(payload);
  NamesAnswer answer;
  answer.request = reader.number<std::uint64_t>();
  const auto flags = reader.number<std::uint32_t>();
  answer.facts.claim_resolves = (flags & kClaimResolves) != 0;
  answer.facts.peer_confirmed = (flags & kPeerConfirmed) != 0;
  answer.facts.claim_matches = (flags & kClaimMatches) != 0;
  answer.facts.peer_name = reader.text(kMaxName);
  if (!reader.is_complete()) return std::nullopt;
  return answer;
}

}  // namespace samhain::server
