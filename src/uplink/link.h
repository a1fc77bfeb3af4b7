#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "spool/spool.h"
#include "sys/loop.h"
#include "sys/role.h"
#include "sys/socket.h"
#include "uplink/password.h"
#include "uplink/requests.h"
#include "uplink/resolver.h"
#include "uplink/session.h"

namespace samhain::uplink {

/// Certificates of the authorities of which one must vouch for the server, as Link wants them; for
/// an empty path none.  Errors: System, Limit, Malformed (no certificates in PEM); the text names
/// the path.
Result<std::string> load_authorities(const std::string& path);

/// The way to the server: a session, the courier that carries its frames, and the resolver that
/// finds the server's addresses, put together.
class Link final : public Transport {
 public:
  struct Settings {
    Session::Settings session;
    std::string
        authorities;  ///< who must vouch for the server, in PEM; empty: any certificate will do
    std::optional<sys::Address> source;
    std::string resolver = "resolver";  ///< the role of run_resolver() in this program
  };
  struct Callbacks {
    Session::OnReport on_report;
    std::function<void(std::string_view missing_barriers)> on_ready;  ///< of the courier
    std::function<void(const Error&)> on_down;
  };

  /// Borrows `loop`, `clock`, `spool` (which may be null) and `password`.  Errors: System (no
  /// process could be started).
  static Result<std::unique_ptr<Link>> start(sys::Loop& loop, const base::Clock& clock,
                                             spool::Spool* spool, const Password& password,
                                             Settings settings, Callbacks callbacks);
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool is_ready() const { return courier_->is_ready(); }
  Session& session() { return *session_; }

  void open(std::size_t server) override;
  void send(wire::Type type, ByteView payload) override;
  void close() override;

 private:
  Link(sys::Loop& loop, Settings settings, Callbacks callbacks);
  Result<void> start_courier();
  void look_up();
  void connect(std::vector<sys::Address> addresses);
  void fail_later(std::string reason);
  void take(std::uint16_t kind, ByteView payload);
  void take_connect_failed(const ConnectFailed& message);
  void take_taken(const Taken& message);
  template <class Message>
  bool is_current(const Result<Message>& message);

  sys::Loop& loop_;
  Settings settings_;
  Callbacks callbacks_;
  std::unique_ptr<sys::Role> courier_;
  std::unique_ptr<Lookup> lookup_;
  std::unique_ptr<Session> session_;
  std::string host_;  ///< of the server that is asked
  std::uint32_t connection_ = 0;
  std::size_t addresses_left_ = 0;  ///< how many may still fail
  std::size_t chunks_out_ = 0;      ///< with the courier
  bool is_wanted_ = false;          ///< a connection is open or on its way
};

}  // namespace samhain::uplink
