#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crypto/bignum.h"
#include "crypto/mac.h"
#include "samhain/bytes.h"
#include "srp/exchange.h"
#include "sys/loop.h"
#include "sys/socket.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include "wire/tls.h"

namespace samhain::bench {

/// The secret of every client of the bench: a small x, registered by server.py as v = g^x.  With a
/// password's x and a full random a, this program would do four times the arithmetic of the server,
/// on the same cores, and measure itself.
inline constexpr unsigned kExponentX = 3;

/// One client of the server under load: connects, authenticates, says when it is open; then reports
/// are queued and acknowledgements come.  A failure ends the program: a bench has no second chance.
class Member {
 public:
  struct Events {
    std::function<void(Member&)> on_open;
    std::function<void(Member&, std::uint64_t seq)> on_ack;
  };

  /// Its name is load<number>.bench.test.
  Member(sys::Loop& loop, const wire::TlsContext& tls, const sys::Address& server, unsigned number,
         const Events& events);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  void connect();  ///< on_open follows
  /// Cuts the connection; not from inside an event of it.  connect() then comes back by RESUME.
  void hang_up();
  /// Queues the next report; its number counts up from 1.
  void report(ByteView body);
  void pump();  ///< writes what is queued as far as it goes
  unsigned number() const { return number_; }
  std::uint64_t sent() const { return next_seq_ - 1; }
  std::size_t queued() const { return output_.size() - written_; }

 private:
  void on_event();
  bool advance_handshake();
  void read_all();
  void take_frames();
  void take(const wire::Frame& frame);
  void greet();
  void prove(ByteView payload);
  void open(ByteView payload);
  void resume();
  void reopen(ByteView payload);
  void watch_for_more();
  void send(wire::Type type, ByteView payload);

  sys::Loop& loop_;
  const wire::TlsContext& tls_;
  sys::Address server_;
  unsigned number_;
  srp::Speaker speaker_;
  const Events& events_;
  std::optional<wire::TlsStream> stream_;
  bool is_connected_ = false;
  bool is_secure_ = false;
  std::uint32_t watched_ = 0;
  Bytes input_;
  Bytes output_;
  std::size_t written_ = 0;
  crypto::BigNumber a_;
  srp::Number a_public_{};
  srp::Proof m1_{};
  std::optional<srp::SessionKey> agreed_;
  wire::Id session_id_{};
  std::optional<crypto::Mac> mac_;
  wire::Id nonce_{};
  std::uint64_t next_seq_ = 1;
};

[[noreturn]] void give_up(const std::string& why);

}  // namespace samhain::bench
