#include "wire/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "crypto/prepare.h"
#include "wire/certificate.h"
#include "wire/tls_error.h"

namespace samhain::wire {
namespace {

// The wire form of a list of one protocol (RFC 7301): length, name.
constexpr std::array<unsigned char, 10> kProtocols = {9,   's', 'a', 'm', 'h',
                                                      'a', 'i', 'n', '/', '3'};
constexpr std::string_view kProtocol = "samhain/3";
constexpr std::string_view kBindingLabel = "EXPORTER-Channel-Binding";  // RFC 9266

/// All the memory that a peer's certificates may take.
constexpr long kMaxCertificates = 16'384;

ByteView protocol_of(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return {name, size};
}

int select_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, chosen_size, kProtocols.data(), kProtocols.size(), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

/// What both ends share.  Two elliptic curves only: the finite field groups of OpenSSL's default
/// list would let a stranger make the server work a hundred times as hard.
bool set_rules(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, kMaxCertificates);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  // No read-ahead: what is not yet asked for stays in the kernel, where poll(2) sees it.
  SSL_CTX_set_read_ahead(context, 0);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1;
}

SSL_CTX* new_server_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context != nullptr && set_rules(context) && SSL_CTX_set_num_tickets(context, 0) == 1) {
    SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
    return context;
  }
  SSL_CTX_free(context);
  return nullptr;
}

bool use_chain(SSL_CTX* context, const std::vector<Certificate>& chain) {
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) return false;
  return std::all_of(chain.begin() + 1, chain.end(), [context](const Certificate& next) {
    return SSL_CTX_add1_chain_cert(context, next.get()) == 1;
  });
}

}  // namespace

Result<TlsContext> TlsContext::server() {
  crypto::prepare();
  auto identity = make_identity();
  if (!identity) return identity.error();
  ERR_clear_error();
  TlsContext context{new_server_context()};
  SSL_CTX* raw = context.get();
  if (raw == nullptr || SSL_CTX_use_certificate(raw, identity->certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(raw, identity->key.get()) != 1) {
    return tls_error(Error::Kind::Refused, "setting up TLS");
  }
  return context;
}

Result<TlsContext> TlsContext::server(const Credentials& credentials) {
  crypto::prepare();
  const auto chain = read_certificates(credentials.chain);
  if (!chain) return chain.error();
  const auto key = read_private_key(credentials.key);
  if (!key) return key.error();
  ERR_clear_error();
  TlsContext context{new_server_context()};
  SSL_CTX* raw = context.get();
  if (raw == nullptr || !use_chain(raw, *chain)) {
    return tls_error(Error::Kind::Refused, "setting up TLS");
  }
  if (SSL_CTX_use_PrivateKey(raw, key->get()) != 1 || SSL_CTX_check_private_key(raw) != 1) {
    return tls_error(Error::Kind::Malformed, "the key is not that of the certificate");
  }
  return context;
}

Result<TlsContext> TlsContext::client() {
  crypto::prepare();
  ERR_clear_error();
  TlsContext context{SSL_CTX_new(TLS_client_method())};
  SSL_CTX* raw = context.get();
  // SSL_CTX_set_alpn_protos returns 0 for success, unlike all others.
  if (raw == nullptr || !set_rules(raw) ||
      SSL_CTX_set_alpn_protos(raw, kProtocols.data(), kProtocols.size()) != 0) {
    return tls_error(Error::Kind::Refused, "setting up TLS");
  }
  return context;
}

Result<TlsContext> TlsContext::client(std::string_view authorities) {
  auto context = client();
  if (!context) return context;
  const auto certificates = read_certificates(authorities);
  if (!certificates) return certificates.error();
  ERR_clear_error();
  X509_STORE* store = SSL_CTX_get_cert_store(context->get());
  for (const Certificate& certificate : *certificates) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      return tls_error(Error::Kind::Refused, "taking an authority's certificate");
    }
  }
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

Result<TlsStream> TlsStream::open(const TlsContext& context, UniqueFd fd, bool is_server) {
  ERR_clear_error();
  TlsStream stream{std::move(fd), SSL_new(context.get())};
  SSL* ssl = stream.ssl_.get();
  if (ssl == nullptr || SSL_set_fd(ssl, stream.fd()) != 1) {
    return tls_error(Error::Kind::Limit, "opening a TLS connection");
  }
  if (is_server) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
  }
  return stream;
}

Result<void> TlsStream::expect(const std::string& server_name) {
  ERR_clear_error();
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_.get());
  // An address is compared with the certificate's addresses; every other text is a name.
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, server_name.c_str()) == 1) return {};
  ERR_clear_error();
  if (SSL_set1_host(ssl_.get(), server_name.c_str()) == 1) return {};
  return tls_error(Error::Kind::Refused, "the server's name");
}

Result<TlsStream::Want> TlsStream::handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done != 1) {
    auto judged = judge(done);
    if (judged) return want_;
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict == X509_V_OK) return judged.error();
    return Error{Error::Kind::Malformed, std::string{"the server's certificate: "} +
                                             X509_verify_cert_error_string(verdict)};
  }
  want_ = Want::Nothing;
  if (as_text(protocol_of(ssl_.get())) != kProtocol) {
    return Error{Error::Kind::Malformed, "TLS handshake: the peer does not speak samhain/3"};
  }
  return want_;
}

Result<std::size_t> TlsStream::read(std::span<std::uint8_t> buffer) {
  if (buffer.empty()) return 0;
  ERR_clear_error();
  std::size_t size = 0;
  const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
  if (done != 1) return judge(done);
  want_ = Want::Nothing;
  return size;
}

Result<std::size_t> TlsStream::write(ByteView bytes) {
  if (bytes.empty()) return 0;
  ERR_clear_error();
  std::size_t size = 0;
  const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size);
  if (done != 1) return judge(done);
  want_ = Want::Nothing;
  return size;
}

bool TlsStream::has_pending() const { return SSL_pending(ssl_.get()) > 0; }

Result<srp::ChannelBinding> TlsStream::channel_binding() const {
  ERR_clear_error();
  srp::ChannelBinding binding{};
  if (SSL_export_keying_material(ssl_.get(), binding.data(), binding.size(), kBindingLabel.data(),
                                 kBindingLabel.size(), nullptr, 0, 0) != 1) {
    return tls_error(Error::Kind::Malformed, "channel binding");
  }
  return binding;
}

void TlsStream::close() {
  // After a fatal error SSL_shutdown must not be called, nor before the handshake's end.
  if (is_broken_ || SSL_is_init_finished(ssl_.get()) == 0) return;
  is_broken_ = true;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());  // one try; the peer sees the end of the stream in any case
  ERR_clear_error();
}

/// 0 for a call that must wait, or why it will never succeed.
Result<std::size_t> TlsStream::judge(int ssl_result) {
  const int saved_errno = errno;
  switch (SSL_get_error(ssl_.get(), ssl_result)) {
    case SSL_ERROR_WANT_READ:
      want_ = Want::Read;
      return 0;
    case SSL_ERROR_WANT_WRITE:
      want_ = Want::Write;
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      return Error{Error::Kind::Missing, "the peer closed the connection"};
    case SSL_ERROR_SYSCALL:
      is_broken_ = true;
      ERR_clear_error();
      if (saved_errno == 0) return Error{Error::Kind::Missing, "the peer closed the connection"};
      if (saved_errno == ECONNRESET || saved_errno == EPIPE) {
        return Error{Error::Kind::Missing, "connection", saved_errno};
      }
      return system_error("connection", saved_errno);
    default:
      is_broken_ = true;
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return Error{Error::Kind::Missing, "the peer closed the connection"};
      }
      return tls_error(Error::Kind::Malformed, "TLS");
  }
}

}  // namespace samhain::wire
