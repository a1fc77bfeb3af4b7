#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "crypto/mac.h"
#include "report/catalog.h"
#include "samhain/report.h"
#include "srp/verifier.h"
#include "wire/messages.h"

namespace samhain::server {

/// What a client did last, as yulectl and the status page show it.  The numbers are those of the
/// client table's file: never renumber (server/client_table_file.cc).
enum class ClientState : std::uint8_t {
  Inactive,  ///< registered, never heard
  Started,
  Message,
  Filecheck,
  Policy,
  FileTransfer,
  Suspended,
  Exited,
  Panic,
  Illegal,  ///< started anew without having exited
  Failed,   ///< it, or somebody under its name, failed to authenticate or broke the protocol
  TimeoutExceeded,
};
inline constexpr std::size_t kClientStates = 12;
/// As scripts know it: "POLICY", "File_transfer", "TIMEOUT_EXCEEDED".
std::string_view word(ClientState state);

/// A registered client's one session (docs/protocol.md section 4).
struct Session {
  wire::Id id{};
  wire::Id instance{};  ///< the process that it belongs to
  wire::Id spool{};
  std::chrono::steady_clock::time_point expires_at{};
  std::unique_ptr<crypto::Mac> mac;       ///< under the session's report key
  std::unique_ptr<crypto::Mac> file_mac;  ///< under its file key
};

/// What is known of a client beside its password and session: what outlives the server.
struct Standing {
  ClientState state = ClientState::Inactive;
  bool is_up = false;         ///< heard of, and not heard to end: it owes signs of life
  bool is_overdue = false;    ///< told to be silent for too long, until it is heard again
  bool owes_verdict = false;  ///< a new process has the spool of one that was not heard to end
  std::int64_t last_contact_ns = 0;  ///< since the epoch; 0: never
  std::uint64_t last_seq = 0;
  std::string address;  ///< of the last contact
  wire::Id spool{};     ///< of the process that authenticated last
  /// The process that said SUSPEND and was not heard since; zeros: none.
  wire::Id suspended{};
  /// When it last got into each state, by our clock, since the epoch; 0: never.
  std::array<std::int64_t, kClientStates> reached_ns{};
};

struct Client : Standing {
  srp::Verifier verifier;  ///< verifier.host is the name
  std::optional<Session> session;
  /// Sessions that another process of this client put an end to, not yet told of.
  std::vector<wire::Id> displaced;
  /// Of the last contact; a clock that jumps makes nobody silent.
  std::chrono::steady_clock::time_point heard_at{};

  const std::string& name() const { return verifier.host; }
};

/// What an authentication or a report means, in the words of the log.
enum class Arrival : std::uint8_t {
  NewClient,             ///< NEW CLIENT
  ForcedAuthentication,  ///< Force authentication: a process that we know needs a new session
  RestartWithoutExit,  ///< Restart without prior exit: another process, the first not heard to end
  Quiet,               ///< nothing is said
};

/// How the log tells of it; nothing for Quiet.
const report::Event* event_of(Arrival arrival);

/// The registered clients with their states and sessions.
class Roster {
 public:
  explicit Roster(const base::Clock& clock) : clock_(clock) {}

  /// Takes the registrations of a configuration: those who stay keep their state, and their session
  /// unless the password is another.
  void replace(const std::map<std::string, srp::Verifier>& registered);
  /// What was known of `client` before the server was started; it has no session then.
  void restore(Client& client, Standing standing);

  Client* find(std::string_view name);
  /// The client whose current session `id` is, or whose session it was until another process of the
  /// same client displaced it.
  Client* find_session(const wire::Id& id);
  const std::map<std::string, std::unique_ptr<Client>, std::less<>>& clients() const {
    return clients_;
  }

  /// The client proved its password: `session` takes the place of the one before.
  ///
  /// Where the spool is that of a process not heard to end, that process is dead (the spool is
  /// locked), and its EXIT may be the next thing in the spool: what it means is then told by
  /// note().
  Arrival admit(Client& client, Session session, bool is_known_instance);
  /// True once for a session that another process of the client displaced.
  bool take_displaced(Client& client, const wire::Id& session);

  /// A proven report arrived: the state follows from the field msg and the class, nothing else.
  /// What is returned is to be told.
  [[nodiscard]] Arrival note(Client& client, const Report& report);
  /// A file was sent to it.
  void note_transfer(Client& client);
  /// A wrong password or signature, a request out of place, a file that it cannot have.
  void note_failure(Client& client);
  /// It was heard of.
  void touch(Client& client, const std::string& address);

  /// Of more than so many only the latest are known.
  static constexpr std::size_t kMaxAddresses = 262'144;
  /// Did a client prove itself from there, since the start or before?
  bool knows_address(const std::string& address) const { return addresses_.contains(address); }

  /// Clients that are up and silent for longer than `limit`; each is told once.
  std::vector<Client*> find_overdue(std::chrono::seconds limit);

  /// Grows with each change of what it holds, but not of sessions alone.
  std::uint64_t revision() const { return revision_; }
  /// The last contact of any client, since the epoch; 0: never.
  std::int64_t last_contact_ns() const { return last_contact_ns_; }

 private:
  static constexpr std::size_t kMaxDisplaced = 8;
  void remember_address(const std::string& address);
  void enter(Client& client, ClientState state);
  Arrival judge(Client& client, const Session& session, bool is_known_instance);
  Arrival settle(Client& client, ClientState next);
  void displace(Client& client, const Session& next);
  void forget_displaced(Client& client);
  void forget_ids(const Client& client);
  const base::Clock& clock_;
  std::map<std::string, std::unique_ptr<Client>, std::less<>> clients_;
  std::map<wire::Id, Client*> by_session_;
  std::unordered_set<std::string> addresses_;
  std::uint64_t revision_ = 0;
  std::int64_t last_contact_ns_ = 0;
};

}  // namespace samhain::server
