#include "uplink/requests.h"

#include <array>

#include "base/codec.h"
#include "base/text.h"
#include "srp/verifier.h"

namespace samhain::uplink {

namespace {

constexpr std::size_t kMaxAddressText = 64;  // an IPv6 address with a zone fits
constexpr std::size_t kAddressSize = 4 + kMaxAddressText + 2;
constexpr std::size_t kEnvelopeHead = 4 + 1;
constexpr std::size_t kErrorHead = 4 + 4 + 4;

Error malformed(std::string_view what) { return Error{Error::Kind::Malformed, std::string{what}}; }

void put_address(base::Writer& out, const sys::Address& address) {
  out.text(address.text()).number(address.port());
}

std::optional<sys::Address> get_address(base::Reader& in) {
  const std::string_view text = in.text(kMaxAddressText);
  const auto port = in.number<std::uint16_t>();
  return sys::Address::parse(text, port);
}

void put_addresses(base::Writer& out, const std::vector<sys::Address>& addresses) {
  const std::size_t count = std::min(addresses.size(), kMaxAddresses);
  out.number(static_cast<std::uint16_t>(count));
  for (std::size_t i = 0; i < count; ++i) put_address(out, addresses[i]);
}

Result<std::vector<sys::Address>> get_addresses(base::Reader& in) {
  const auto count = in.number<std::uint16_t>();
  if (count > kMaxAddresses) return malformed("number of addresses");
  std::vector<sys::Address> addresses;
  for (std::size_t i = 0; i < count; ++i) {
    auto address = get_address(in);
    if (!address) return malformed("address");
    addresses.push_back(*address);
  }
  return addresses;
}

std::string_view shortened(std::string_view text) { return text.substr(0, kMaxErrorText); }

constexpr std::array kForCourier = {
    sys::Rule{kConnect, 4 + 2 + 1 + 4,
              4 + 2 + kMaxAddresses* kAddressSize + 1 + kAddressSize + 4 + srp::kMaxHostName},
    sys::Rule{kSend, kEnvelopeHead, kEnvelopeHead + wire::kMaxMember},
    sys::Rule{kClose, 4, 4},
};
constexpr std::array kFromCourier = {
    sys::Rule{kConnectFailed, kErrorHead, kErrorHead + kMaxAddressText},
    sys::Rule{kOpened, 4 + 32, 4 + 32},
    sys::Rule{kReceived, kEnvelopeHead, kEnvelopeHead + kMaxAnswer},
    sys::Rule{kClosed, kErrorHead, kErrorHead + kMaxErrorText},
    sys::Rule{kTaken, 4 + 4, 4 + 4},
};
constexpr std::array kFromResolver = {
    sys::Rule{kResolved, 4 + 2 + 4,
              4 + srp::kMaxHostName + 2 + kMaxAddresses* kAddressSize + 4 + kMaxErrorText},
};

}  // namespace

Bytes encode(const Connect& message) {
  base::Writer out;
  out.number(message.connection);
  put_addresses(out, message.targets);
  out.number<std::uint8_t>(message.source ? 1 : 0);
  if (message.source) put_address(out, *message.source);
  out.text(std::string_view{message.server_name}.substr(0, srp::kMaxHostName));
  return out.take();
}

Bytes encode(const ConnectFailed& message) {
  base::Writer out;
  out.number(message.connection).number(message.sys_errno);
  out.text(std::string_view{message.address}.substr(0, kMaxAddressText));
  return out.take();
}

Bytes encode(const Opened& message) {
  base::Writer out;
  out.number(message.connection).raw_bytes(message.binding);
  return out.take();
}

Bytes encode(const Envelope& message) {
  base::Writer out;
  out.number(message.connection).number(static_cast<std::uint8_t>(message.type));
  out.raw_bytes(message.payload);
  return out.take();
}

Bytes encode(const Closed& message) {
  base::Writer out;
  out.number(message.connection).number(message.sys_errno).text(shortened(message.text));
  return out.take();
}

Bytes encode(const Taken& message) {
  base::Writer out;
  out.number(message.connection).number(message.chunks);
  return out.take();
}

Bytes encode(const Resolved& message) {
  base::Writer out;
  out.text(std::string_view{message.own_name}.substr(0, srp::kMaxHostName));
  put_addresses(out, message.addresses);
  out.text(shortened(message.error));
  return out.take();
}

Bytes encode(const Question& message) {
  base::Writer out;
  out.text(message.host).number(message.port);
  return out.take();
}

Bytes encode_close(std::uint32_t connection) {
  base::Writer out;
  out.number(connection);
  return out.take();
}

Result<Connect> decode_connect(ByteView payload) {
  base::Reader in(payload);
  Connect message;
  message.connection = in.number<std::uint32_t>();
  auto targets = get_addresses(in);
  if (!targets) return targets.error();
  message.targets = *std::move(targets);
  const auto has_source = in.number<std::uint8_t>();
  if (has_source > 1) return malformed("source address flag");
  if (has_source == 1) {
    message.source = get_address(in);
    if (!message.source) return malformed("source address");
  }
  message.server_name = in.text(srp::kMaxHostName);
  if (!in.is_complete() || message.targets.empty()) return malformed("connect request");
  return message;
}

Result<ConnectFailed> decode_connect_failed(ByteView payload) {
  base::Reader in(payload);
  ConnectFailed message;
  message.connection = in.number<std::uint32_t>();
  message.sys_errno = in.number<std::int32_t>();
  message.address = base::printable(in.text(kMaxAddressText));
  if (!in.is_complete()) return malformed("failed connection");
  return message;
}

Result<Opened> decode_opened(ByteView payload) {
  base::Reader in(payload);
  Opened message;
  message.connection = in.number<std::uint32_t>();
  message.binding = in.array<32>();
  if (!in.is_complete()) return malformed("opened connection");
  return message;
}

Result<Envelope> decode_envelope(ByteView payload) {
  base::Reader in(payload);
  Envelope message;
  message.connection = in.number<std::uint32_t>();
  const auto type = in.number<std::uint8_t>();
  if (!in.is_good() || type < static_cast<std::uint8_t>(wire::Type::Hello) ||
      type > static_cast<std::uint8_t>(wire::Type::Stored)) {
    return malformed("frame type");
  }
  message.type = static_cast<wire::Type>(type);
  message.payload = in.raw_bytes(in.left());
  return message;
}

Result<Closed> decode_closed(ByteView payload) {
  base::Reader in(payload);
  Closed message;
  message.connection = in.number<std::uint32_t>();
  message.sys_errno = in.number<std::int32_t>();
  message.text = base::printable(in.text(kMaxErrorText));
  if (!in.is_complete()) return malformed("closed connection");
  return message;
}

Result<Taken> decode_taken(ByteView payload) {
  base::Reader in(payload);
  Taken message;
  message.connection = in.number<std::uint32_t>();
  message.chunks = in.number<std::uint32_t>();
  if (!in.is_complete()) return malformed("number of chunks taken");
  return message;
}

Result<Resolved> decode_resolved(ByteView payload) {
  base::Reader in(payload);
  Resolved message;
  message.own_name = in.text(srp::kMaxHostName);
  auto addresses = get_addresses(in);
  if (!addresses) return addresses.error();
  message.addresses = *std::move(addresses);
  message.error = base::printable(in.text(kMaxErrorText));
  if (!in.is_complete() || message.own_name.empty() || !base::is_utf8_text(message.own_name)) {
    return malformed("resolver's answer");
  }
  return message;
}

Result<Question> decode_question(ByteView payload) {
  base::Reader in(payload);
  Question message;
  message.host = in.text();
  message.port = in.number<std::uint16_t>();
  if (!in.is_complete()) return malformed("resolver's question");
  return message;
}

Result<std::uint32_t> decode_close(ByteView payload) {
  base::Reader in(payload);
  const auto connection = in.number<std::uint32_t>();
  if (!in.is_complete()) return malformed("close request");
  return connection;
}

std::span<const sys::Rule> rules_for_courier() { return kForCourier; }
std::span<const sys::Rule> rules_from_courier() { return kFromCourier; }
std::span<const sys::Rule> rules_from_resolver() { return kFromResolver; }

}  // namespace samhain::uplink
