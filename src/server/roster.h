#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/mac.h"
#include "samhain/report.h"
#include "srp/verifier.h"
#include "wire/messages.h"

namespace samhain::server {

/// What a client did last, as yulectl shows it (docs: yulectl(8)).
enum class ClientState : std::uint8_t {
  Inactive,  ///< registered, nothing heard since the server started
  Started,
  Message,
  Filecheck,
  Policy,
  Suspended,
  Exited,
  Panic,
  Illegal,  ///< started anew without having exited
  Failed,   ///< an attempt to authenticate failed
  TimeoutExceeded,
};
std::string_view word(ClientState state);

/// A registered client's one session (docs/protocol.md section 4).
struct Session {
  wire::Id id{};
  wire::Id instance{};  ///< the process that it belongs to
  wire::Id spool{};
  std::chrono::steady_clock::time_point expires_at{};
  std::unique_ptr<crypto::Mac> mac;  ///< under the session's report key
};

struct Client {
  srp::Verifier verifier;  ///< verifier.host is the name
  ClientState state = ClientState::Inactive;
  std::int64_t last_contact_ns = 0;  ///< 0: never
  std::string address;               ///< of the last contact
  std::uint64_t last_seq = 0;
  std::optional<Session> session;
  /// Sessions that another process of this client put an end to, not yet told of.
  std::vector<wire::Id> displaced;
  bool is_overdue = false;

  const std::string& name() const { return verifier.host; }
};

/// What an authentication means, in the words of the log.
enum class Arrival : std::uint8_t {
  NewClient,             ///< NEW CLIENT
  ForcedAuthentication,  ///< Force authentication: a process that we know needs a new session
  RestartWithoutExit,  ///< Restart without prior exit: another process, the first not heard to end
  Quiet,               ///< nothing is said: beside a suspended client
};

/// The registered clients with their states and sessions.
class Roster {
 public:
  /// Takes the registrations of a configuration: those who stay keep their state, and their session
  /// unless the password is another.
  void replace(const std::map<std::string, srp::Verifier>& registered);

  Client* find(std::string_view name);
  /// The client whose current session `id` is, or whose session it was until another process of the
  /// same client displaced it.
  Client* find_session(const wire::Id& id);
  const std::map<std::string, std::unique_ptr<Client>, std::less<>>& clients() const {
    return clients_;
  }

  /// The client proved its password: `session` takes the place of the one before.
  Arrival admit(Client& client, Session session, bool is_known_instance);
  /// True once for a session that another process of the client displaced.
  bool take_displaced(Client& client, const wire::Id& session);

  /// A proven report arrived: the state follows from the field msg and the class, nothing else.
  void note(Client& client, const Report& report);
  static void touch(Client& client, const std::string& address, std::int64_t now_ns);

  /// Clients heard of, not exited, silent for longer than `limit`; each is told once.
  std::vector<Client*> find_overdue(std::int64_t now_ns, std::chrono::seconds limit);

 private:
  static constexpr std::size_t kMaxDisplaced = 8;
  void forget_ids(const Client& client);
  std::map<std::string, std::unique_ptr<Client>, std::less<>> clients_;
  std::map<wire::Id, Client*> by_session_;
};

}  // namespace samhain::server
