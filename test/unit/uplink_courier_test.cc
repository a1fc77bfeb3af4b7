#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <map>
#include <optional>

#include "sys/role.h"
#include "uplink/requests.h"
#include "uplink_support.h"
#include "wire/frame.h"
#include "wire/tls.h"

namespace samhain::uplink {
namespace {

/// The real courier in its own, locked-in process, against a TLS server in this one.
class CourierTest : public testing::Test {
 protected:
  void SetUp() override {
    loop = *sys::Loop::create();
    auto listening = sys::listen_tcp(sys::Address::parse("127.0.0.1", 0), 0);
    ASSERT_TRUE(listening) << listening.error().text();
    listener = std::move(listening->front());
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&raw), &size), 0);
    address = *sys::Address::from(reinterpret_cast<sockaddr*>(&raw), size);
    context.emplace(*wire::TlsContext::server());
    ASSERT_TRUE(loop->watch(listener.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); }));

    sys::Role::Spec spec;
    spec.name = "courier";
    spec.rules = rules_from_courier();
    spec.set_up = [] { return Bytes{}; };
    spec.on_message = [this](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
      take(kind, payload);
    };
    spec.on_ready = [](std::string_view) {};
    spec.on_down = [this](const Error& error) { downs.push_back(error.text()); };
    auto started = sys::Role::start(*loop, std::move(spec));
    ASSERT_TRUE(started) << started.error().text();
    courier = *std::move(started);
    ASSERT_TRUE(run_until(*loop, [this] { return courier->is_ready(); }));
  }

  void accept_one() {
    UniqueFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const int number = fd.get();
    stream.emplace(*wire::TlsStream::open(*context, std::move(fd), true));
    ASSERT_TRUE(loop->watch(number, EPOLLIN, [this](std::uint32_t) { serve(); }));
  }
  void serve() {
    if (!server_binding) {
      auto want = stream->handshake();
      if (!want || *want != wire::TlsStream::Want::Nothing) return;
      server_binding = *stream->channel_binding();
    }
    std::array<std::uint8_t, 4096> buffer{};
    for (;;) {
      auto count = stream->read(buffer);
      if (!count) {
        loop->forget(stream->fd());
        return stream.reset();
      }
      if (*count == 0) return;
      server_input.insert(server_input.end(), buffer.begin(),
                          buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    }
  }
  void answer(ByteView bytes) {
    auto count = stream->write(bytes);
    ASSERT_TRUE(count);
    ASSERT_EQ(*count, bytes.size());
  }

  void take(std::uint16_t kind, ByteView payload) {
    if (kind == kConnectFailed) failed.push_back(*decode_connect_failed(payload));
    if (kind == kOpened) opened = *decode_opened(payload);
    if (kind == kClosed) closed = *decode_closed(payload);
    if (kind == kReceived) {
      const auto envelope = decode_envelope(payload);
      received.emplace_back(envelope->type, as_text(envelope->payload));
    }
  }
  void connect(std::uint32_t number, std::vector<sys::Address> targets) {
    courier->channel()->send(kConnect,
                             encode(Connect{number, std::move(targets), std::nullopt, "server"}));
  }
  void send(std::uint32_t number, std::string_view body) {
    courier->channel()->send(kSend, encode(Envelope{number, wire::Type::Report, as_bytes(body)}));
  }

  std::unique_ptr<sys::Loop> loop;
  UniqueFd listener;
  sys::Address address;
  std::optional<wire::TlsContext> context;
  std::optional<wire::TlsStream> stream;
  std::optional<srp::ChannelBinding> server_binding;
  Bytes server_input;

  std::unique_ptr<sys::Role> courier;
  std::vector<ConnectFailed> failed;
  std::optional<Opened> opened;
  std::optional<Closed> closed;
  std::vector<std::pair<wire::Type, std::string>> received;
  std::vector<std::string> downs;
};

TEST_F(CourierTest, CarriesFramesBothWaysOverOneBoundChannel) {
  connect(1, {address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened && server_binding; }));
  EXPECT_EQ(opened->connection, 1U);
  EXPECT_EQ(opened->binding, *server_binding);

  send(1, "hello");
  ASSERT_TRUE(run_until(*loop, [this] { return !server_input.empty(); }));
  const auto frame = wire::decode(server_input, wire::kMaxMember);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, wire::Type::Report);
  EXPECT_EQ(as_text(frame->payload), "hello");

  Bytes two;
  wire::encode(wire::Type::Ack, as_bytes("one"), two);
  wire::encode(wire::Type::Ack, as_bytes("two"), two);
  answer(two);
  ASSERT_TRUE(run_until(*loop, [this] { return received.size() == 2; }));
  EXPECT_EQ(received[1].second, "two");
}

TEST_F(CourierTest, CarriesAReportOfTheGreatestSize) {
  connect(1, {address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened.has_value(); }));
  send(1, std::string(1'000'000, 'x'));
  EXPECT_TRUE(run_until(*loop, [this] { return server_input.size() == 1'000'005; }));
}

TEST_F(CourierTest, TriesTheNextAddressAndNamesTheOneThatRefused) {
  // Nobody listens on port 1 of the loopback.
  connect(1, {*sys::Address::parse("127.0.0.1", 1), address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened.has_value(); }));
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].address, "127.0.0.1");
  EXPECT_EQ(failed[0].sys_errno, ECONNREFUSED);
}

TEST_F(CourierTest, SaysWhenNoAddressAnswers) {
  connect(3, {*sys::Address::parse("127.0.0.1", 1)});
  ASSERT_TRUE(run_until(*loop, [this] { return closed.has_value(); }));
  EXPECT_EQ(closed->connection, 3U);
  EXPECT_EQ(closed->sys_errno, ECONNREFUSED);
  EXPECT_FALSE(opened);
}

TEST_F(CourierTest, EndsAConnectionWhoseServerBreaksTheFraming) {
  connect(1, {address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened && server_binding; }));
  answer(Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0x0A});
  ASSERT_TRUE(run_until(*loop, [this] { return closed.has_value(); }));
  EXPECT_TRUE(received.empty());
  EXPECT_TRUE(downs.empty());
  // And goes on with a new one.
  opened.reset();
  server_binding.reset();
  connect(2, {address});
  EXPECT_TRUE(run_until(*loop, [this] { return opened.has_value(); }));
}

TEST_F(CourierTest, TellsThatTheServerWentAway) {
  connect(1, {address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened && server_binding; }));
  loop->forget(stream->fd());
  stream.reset();
  EXPECT_TRUE(run_until(*loop, [this] { return closed.has_value(); }));
}

TEST_F(CourierTest, WhatWasMeantForAnOlderConnectionGoesNowhere) {
  connect(1, {address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened && server_binding; }));
  send(7, "not for this one");
  send(1, "for this one");
  ASSERT_TRUE(run_until(*loop, [this] { return !server_input.empty(); }));
  EXPECT_EQ(as_text(wire::decode(server_input, wire::kMaxMember)->payload), "for this one");
}

TEST_F(CourierTest, ClosesWhenTold) {
  connect(1, {address});
  ASSERT_TRUE(run_until(*loop, [this] { return opened && server_binding; }));
  courier->channel()->send(kClose, encode_close(1));
  EXPECT_TRUE(run_until(*loop, [this] { return !stream.has_value(); }));
  EXPECT_FALSE(closed);
}

}  // namespace
}  // namespace samhain::uplink
