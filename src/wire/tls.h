#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "srp/exchange.h"

namespace samhain::wire {

/// A server's certificate with those between it and the authority, and its private key, in PEM.
struct Credentials {
  std::string_view chain;
  std::string_view key;
};

/// TLS 1.3 only, ALPN samhain/3, no tickets (docs/protocol.md section 2).  All that TLS needs is
/// loaded here: make it before the process locks itself in.  A handshake then opens no file.
class TlsContext {
 public:
  /// With a key pair made now, P-256, self-signed, never on disk: SRP bound to the channel says who
  /// is there, not the certificate.  Errors: Refused.
  static Result<TlsContext> server();
  /// With a site's own.  Errors: Malformed (no such PEM, or the key is not the certificate's),
  /// Refused.
  static Result<TlsContext> server(const Credentials& credentials);
  /// Any certificate will do.  Errors: Refused.
  static Result<TlsContext> client();
  /// Besides, the certificate must come from one of these authorities (certificates in PEM) and
  /// name the server: TlsStream::expect().  Errors: Malformed (no such PEM), Refused.
  static Result<TlsContext> client(std::string_view authorities);
  SSL_CTX* get() const { return context_.get(); }

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  Handle<SSL_CTX, SSL_CTX_free> context_;
};

/// One TLS connection over a non-blocking socket.  The process must ignore SIGPIPE.  After an error
/// only close() and the destructor may follow.
class TlsStream {
 public:
  enum class Want { Nothing, Read, Write };

  /// Takes the socket.  Errors: Limit (out of memory).
  static Result<TlsStream> open(const TlsContext& context, UniqueFd fd, bool is_server);

  /// Before the handshake of a client with authorities: the host name or address (RFC 9110 section
  /// 4.3.4) that the certificate must have.  Errors: Refused.
  Result<void> expect(const std::string& server_name);

  /// Goes on with the handshake; Want::Nothing when it is complete and the ALPN is ours.
  /// Errors: Malformed (no TLS 1.3, no ALPN, a broken record), System, Missing (peer closed).
  Result<Want> handshake();

  /// As many bytes as are there.  0: none now, wait for wants().
  /// Errors: Missing (peer closed), Malformed, System.
  Result<std::size_t> read(std::span<std::uint8_t> buffer);
  /// How many were taken; 0: none now, wait for wants() and offer the same bytes again, at any
  /// address and with more behind them.  Errors: as read.
  Result<std::size_t> write(ByteView bytes);
  Want wants() const { return want_; }
  bool has_pending() const;  ///< decrypted bytes wait in memory, unseen by poll(2): read again

  /// 32 bytes that only the two ends of this connection share (RFC 9266), after the handshake.
  Result<srp::ChannelBinding> channel_binding() const;

  void close();  ///< sends close_notify if it can be sent at once; the socket stays until the end
  int fd() const { return fd_.get(); }

 private:
  TlsStream(UniqueFd fd, SSL* ssl) : fd_(std::move(fd)), ssl_(ssl) {}
  Result<std::size_t> judge(int ssl_result);
  UniqueFd fd_;
  Handle<SSL, SSL_free> ssl_;
  Want want_ = Want::Nothing;
  bool is_broken_ = false;  ///< nothing may be sent any more
};

}  // namespace samhain::wire
