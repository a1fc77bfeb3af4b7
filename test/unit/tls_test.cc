#include "wire/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "wire/certificate.h"

namespace samhain::wire {
namespace {

constexpr int kMaxRounds = 10'000;

std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> fds{-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

template <class T>
T good(Result<T> result) {
  EXPECT_TRUE(result) << result.error().text();
  return *std::move(result);
}

/// Both ends of one connection, before the handshake.
struct Pair {
  TlsContext server_context = good(TlsContext::server());
  TlsContext client_context = good(TlsContext::client());
  std::pair<UniqueFd, UniqueFd> sockets = socket_pair();
  TlsStream server = good(TlsStream::open(server_context, std::move(sockets.first), true));
  TlsStream client = good(TlsStream::open(client_context, std::move(sockets.second), false));

  /// What both ends say in the end.
  std::pair<Result<TlsStream::Want>, Result<TlsStream::Want>> handshake() {
    for (int i = 0; i < kMaxRounds; ++i) {
      auto of_client = client.handshake();
      auto of_server = server.handshake();
      if (!of_client || !of_server ||
          (*of_client == TlsStream::Want::Nothing && *of_server == TlsStream::Want::Nothing)) {
        return {std::move(of_client), std::move(of_server)};
      }
    }
    return {Error{Error::Kind::Timeout, "rounds"}, Error{Error::Kind::Timeout, "rounds"}};
  }
  bool connects() {
    const auto [of_client, of_server] = handshake();
    return of_client && of_server;
  }
};

/// For contexts that a test bends before the streams are made.
struct BentContexts {
  TlsContext server = good(TlsContext::server());
  TlsContext client = good(TlsContext::client());
  Pair pair() {
    return Pair{.server_context = std::move(server), .client_context = std::move(client)};
  }
};

std::string read_some(TlsStream& stream) {
  std::array<std::uint8_t, 4'096> buffer{};
  for (int i = 0; i < kMaxRounds; ++i) {
    const auto size = stream.read(buffer);
    EXPECT_TRUE(size);
    if (!size) return {};
    if (*size > 0) return std::string{as_text(ByteView{buffer}.first(*size))};
  }
  return {};
}

class Tls : public testing::Test {
 protected:
  Tls() { (void)signal(SIGPIPE, SIG_IGN); }
};

TEST_F(Tls, CarriesBytesBothWays) {
  Pair ends;
  ASSERT_TRUE(ends.connects());
  EXPECT_EQ(good(ends.client.write(as_bytes("hello"))), 5U);
  EXPECT_EQ(read_some(ends.server), "hello");
  EXPECT_EQ(good(ends.server.write(as_bytes("challenge"))), 9U);
  EXPECT_EQ(read_some(ends.client), "challenge");
}

TEST_F(Tls, GivesBothEndsOneBindingAndEachConnectionAnother) {
  Pair first;
  Pair second;
  ASSERT_TRUE(first.connects());
  ASSERT_TRUE(second.connects());
  const auto binding = good(first.client.channel_binding());
  EXPECT_EQ(binding, good(first.server.channel_binding()));
  EXPECT_NE(binding, good(second.client.channel_binding()));
}

TEST_F(Tls, HasNoBindingBeforeTheHandshake) {
  const Pair ends;
  EXPECT_FALSE(ends.client.channel_binding());
}

TEST_F(Tls, SaysWhatItWaitsForWhenNothingIsThere) {
  Pair ends;
  const auto wanted = ends.server.handshake();
  ASSERT_TRUE(wanted);
  EXPECT_EQ(*wanted, TlsStream::Want::Read);
  ASSERT_TRUE(ends.connects());
  std::array<std::uint8_t, 10> buffer{};
  EXPECT_EQ(good(ends.server.read(buffer)), 0U);
  EXPECT_EQ(ends.server.wants(), TlsStream::Want::Read);
}

TEST_F(Tls, TellsOfBytesThatPollCannotSee) {
  Pair ends;
  ASSERT_TRUE(ends.connects());
  EXPECT_FALSE(ends.server.has_pending());
  ASSERT_EQ(good(ends.client.write(as_bytes("twelve bytes"))), 12U);
  std::array<std::uint8_t, 6> buffer{};
  EXPECT_EQ(good(ends.server.read(buffer)), 6U);
  EXPECT_TRUE(ends.server.has_pending());
  EXPECT_EQ(good(ends.server.read(buffer)), 6U);
  EXPECT_FALSE(ends.server.has_pending());
}

TEST_F(Tls, GoesOnFromAnotherAddressAfterAFullSocket) {
  Pair ends;
  ASSERT_TRUE(ends.connects());
  std::mt19937 random{5};
  Bytes sent(3'000'000);
  for (std::uint8_t& b : sent) b = static_cast<std::uint8_t>(random());

  Bytes waiting = sent;
  Bytes received;
  bool was_full = false;
  std::array<std::uint8_t, 20'000> buffer{};
  for (int i = 0; i < kMaxRounds && received.size() < sent.size(); ++i) {
    const std::size_t taken = good(ends.client.write(waiting));
    if (taken == 0 && !waiting.empty()) {
      EXPECT_EQ(ends.client.wants(), TlsStream::Want::Write);
      was_full = true;
    }
    waiting = Bytes(waiting.begin() + static_cast<std::ptrdiff_t>(taken), waiting.end());
    if (taken > 0) continue;
    const std::size_t size = good(ends.server.read(buffer));
    received.insert(received.end(), buffer.begin(),
                    buffer.begin() + static_cast<std::ptrdiff_t>(size));
  }
  EXPECT_TRUE(was_full);
  EXPECT_TRUE(received == sent);
}

TEST_F(Tls, TellsThatThePeerClosed) {
  Pair ends;
  ASSERT_TRUE(ends.connects());
  ends.client.close();
  std::array<std::uint8_t, 10> buffer{};
  const auto size = ends.server.read(buffer);
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().kind, Error::Kind::Missing);
}

TEST_F(Tls, TellsThatThePeerVanished) {
  Pair ends;
  ASSERT_TRUE(ends.connects());
  { const TlsStream gone = std::move(ends.client); }
  std::array<std::uint8_t, 10> buffer{};
  const auto size = ends.server.read(buffer);
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().kind, Error::Kind::Missing);
  ends.server.close();  // harmless

  Pair others;
  ASSERT_TRUE(others.connects());
  { const TlsStream gone = std::move(others.client); }
  const auto written = others.server.write(as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::Missing);
}

TEST_F(Tls, TellsThatThePeerVanishedDuringTheHandshake) {
  Pair ends;
  { const TlsStream gone = std::move(ends.client); }
  const auto wanted = ends.server.handshake();
  ASSERT_FALSE(wanted);
  EXPECT_EQ(wanted.error().kind, Error::Kind::Missing);
}

void expect_malformed_at_server(Pair ends) {
  const auto [of_client, of_server] = ends.handshake();
  ASSERT_FALSE(of_server);
  EXPECT_EQ(of_server.error().kind, Error::Kind::Malformed);
}

TEST_F(Tls, RefusesAnOlderVersionThanOnePointThree) {
  BentContexts contexts;
  ASSERT_EQ(SSL_CTX_set_min_proto_version(contexts.client.get(), TLS1_2_VERSION), 1);
  ASSERT_EQ(SSL_CTX_set_max_proto_version(contexts.client.get(), TLS1_2_VERSION), 1);
  expect_malformed_at_server(contexts.pair());
}

TEST_F(Tls, RefusesAClientOfAnotherProtocol) {
  BentContexts contexts;
  const std::array<unsigned char, 3> other = {2, 'h', '2'};
  ASSERT_EQ(SSL_CTX_set_alpn_protos(contexts.client.get(), other.data(), other.size()), 0);
  expect_malformed_at_server(contexts.pair());
}

TEST_F(Tls, RefusesAClientThatNamesNoProtocol) {
  BentContexts contexts;
  ASSERT_EQ(SSL_CTX_set_alpn_protos(contexts.client.get(), nullptr, 0), 0);
  expect_malformed_at_server(contexts.pair());
}

TEST_F(Tls, RefusesAServerThatNamesNoProtocol) {
  BentContexts contexts;
  SSL_CTX_set_alpn_select_cb(contexts.server.get(), nullptr, nullptr);
  Pair ends = contexts.pair();
  const auto [of_client, of_server] = ends.handshake();
  ASSERT_FALSE(of_client);
  EXPECT_EQ(of_client.error().kind, Error::Kind::Malformed);
}

TEST_F(Tls, RefusesGroupsThatMakeTheServerWorkHard) {
  BentContexts contexts;
  ASSERT_EQ(SSL_CTX_set1_groups_list(contexts.client.get(), "ffdhe8192"), 1);
  expect_malformed_at_server(contexts.pair());
}

TEST_F(Tls, RefusesBytesThatAreNoTls) {
  std::mt19937 random{9};
  const TlsContext context = good(TlsContext::server());
  for (int i = 0; i < 300; ++i) {
    auto [ours, theirs] = socket_pair();
    auto stream = good(TlsStream::open(context, std::move(ours), true));
    std::array<std::uint8_t, 600> bytes{};
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
    if (i % 2 == 0) bytes[0] = 0x16;  // a handshake record, to the first look
    ASSERT_EQ(write(theirs.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    theirs.reset();
    auto wanted = stream.handshake();
    for (int k = 0; k < kMaxRounds && wanted; ++k) wanted = stream.handshake();
    EXPECT_FALSE(wanted);
  }
}

TEST_F(Tls, SendsNoSessionTickets) {
  BentContexts contexts;
  static int tickets;
  tickets = 0;
  SSL_CTX_set_msg_callback(contexts.client.get(),
                           [](int, int, int type, const void* data, std::size_t size, SSL*, void*) {
                             constexpr std::uint8_t kNewSessionTicket = 4;  // RFC 8446 section 4
                             if (type == SSL3_RT_HANDSHAKE && size > 0 &&
                                 *static_cast<const std::uint8_t*>(data) == kNewSessionTicket) {
                               ++tickets;
                             }
                           });
  Pair ends = contexts.pair();
  ASSERT_TRUE(ends.connects());
  ASSERT_EQ(good(ends.server.write(as_bytes("x"))), 1U);
  EXPECT_EQ(read_some(ends.client), "x");
  EXPECT_EQ(tickets, 0);
}

/// In a child of its own: forbids what a locked-in role cannot do, then connects.
[[noreturn]] void connect_locked_in() {
  Pair ends;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  for (const int call : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(socket),
                         SCMP_SYS(stat), SCMP_SYS(newfstatat), SCMP_SYS(access)}) {
    if (seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 0) != 0) _exit(1);
  }
  if (seccomp_load(filter) != 0) _exit(2);
  if (!ends.connects() || !ends.client.channel_binding()) _exit(3);
  if (!ends.client.write(as_bytes("x")) || read_some(ends.server) != "x") _exit(4);
  ends.client.close();
  _exit(0);
}

/// Keys and certificates as a site has them in files.
template <class Write>
std::string pem(const Write& write) {
  const Handle<BIO, BIO_free> text{BIO_new(BIO_s_mem())};
  EXPECT_EQ(write(text.get()), 1);
  char* start = nullptr;
  const long size = BIO_get_mem_data(text.get(), &start);
  return {start, static_cast<std::size_t>(size)};
}
std::string pem_of(X509* certificate) {
  return pem([&](BIO* text) { return PEM_write_bio_X509(text, certificate); });
}
std::string pem_of(EVP_PKEY* key) {
  return pem([&](BIO* text) {
    return PEM_write_bio_PrivateKey(text, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

/// A server with a certificate of its own, whose name is "samhain".
class TlsWithAuthority : public Tls {
 private:
  Identity identity_ = good(make_identity());

 protected:
  std::string certificate = pem_of(identity_.certificate.get());
  std::string key = pem_of(identity_.key.get());

  Pair ends(const std::string& authorities) {
    return Pair{.server_context = good(TlsContext::server({certificate, key})),
                .client_context = good(TlsContext::client(authorities))};
  }
  Error refusal(const std::string& authorities, const std::string& name) {
    Pair pair = ends(authorities);
    EXPECT_TRUE(pair.client.expect(name));
    const auto [of_client, of_server] = pair.handshake();
    EXPECT_FALSE(of_client);
    return of_client ? Error{Error::Kind::System, "connected"} : of_client.error();
  }
};

TEST_F(TlsWithAuthority, ConnectsToTheServerThatItVouchesFor) {
  Pair pair = ends(certificate);
  ASSERT_TRUE(pair.client.expect("samhain"));
  EXPECT_TRUE(pair.connects());
}

TEST_F(TlsWithAuthority, RefusesAnotherAuthoritysCertificateAndSaysWhy) {
  const Error error = refusal(pem_of(good(make_identity()).certificate.get()), "samhain");
  EXPECT_EQ(error.kind, Error::Kind::Malformed);
  EXPECT_NE(error.what.find("self-signed certificate"), std::string::npos) << error.what;
}

TEST_F(TlsWithAuthority, RefusesACertificateOfAnotherNameOrAddress) {
  EXPECT_NE(refusal(certificate, "other").what.find("ostname mismatch"), std::string::npos);
  EXPECT_NE(refusal(certificate, "192.0.2.1").what.find("IP address mismatch"), std::string::npos);
}

TEST_F(TlsWithAuthority, RefusesTextThatIsNoneAndAKeyOfAnotherCertificate) {
  const std::string damaged = certificate.substr(0, certificate.size() / 2);
  for (const std::string& text : {std::string{}, std::string{"nothing"}, damaged, key}) {
    EXPECT_EQ(TlsContext::client(text).error().kind, Error::Kind::Malformed) << text;
    EXPECT_EQ(TlsContext::server({text, key}).error().kind, Error::Kind::Malformed) << text;
  }
  EXPECT_EQ(TlsContext::server({certificate, certificate}).error().kind, Error::Kind::Malformed);
  const std::string other = pem_of(good(make_identity()).key.get());
  EXPECT_EQ(TlsContext::server({certificate, other}).error().kind, Error::Kind::Malformed);
}

TEST_F(TlsWithAuthority, ReadsAllCertificatesOfATextInTheirOrder) {
  const Identity other = good(make_identity());
  const auto both = good(read_certificates(pem_of(other.certificate.get()) + "\n" + certificate));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(X509_cmp(both[0].get(), other.certificate.get()), 0);
  EXPECT_EQ(pem_of(both[1].get()), certificate);
}

TEST_F(Tls, OpensNoFileOnceItsContextsAreMade) {
  EXPECT_EXIT(connect_locked_in(), testing::ExitedWithCode(0), "");
}

TEST(Certificate, IsSelfSignedAndNewEachTime) {
  const Identity first = good(make_identity());
  const Identity second = good(make_identity());
  EXPECT_EQ(X509_verify(first.certificate.get(), first.key.get()), 1);
  EXPECT_NE(X509_verify(first.certificate.get(), second.key.get()), 1);
  EXPECT_NE(EVP_PKEY_eq(first.key.get(), second.key.get()), 1);
  EXPECT_LT(X509_cmp_current_time(X509_get0_notBefore(first.certificate.get())), 0);
  EXPECT_GT(X509_cmp_current_time(X509_get0_notAfter(first.certificate.get())), 0);
}

}  // namespace
}  // namespace samhain::wire
