#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "server/commands.h"
#include "server/connections.h"
#include "server/guard.h"
#include "server/journal.h"
#include "server/lookups.h"
#include "server/name_check.h"
#include "server/notices.h"
#include "server/roster.h"
#include "server/settings.h"
#include "server/visits.h"

namespace samhain::server {

/// From the first Hello or Resume of a connection to its membership (docs/protocol.md sections 3
/// and 4).  The gates do the arithmetic; who may try, and what the outcome means, is decided here.
class Handshakes {
 public:
  struct Parts {
    const base::Clock& clock;
    const Settings& settings;
    Roster& roster;
    Journal& journal;
    Connections& connections;
    Commands& commands;
    RoleGroup& gates;
    Lookups& lookups;
    NameCheck& name_check;
    Visits& visits;
    Guard& guard;
    Notices& notices;
    Tally& tally;
  };
  explicit Handshakes(Parts parts) : parts_(parts), owed_(parts.gates.size()) {}

  /// Questions that one gate is asked at a time: about a second of its work.  Whoever comes
  /// then is refused and comes again, rather than that everybody waits for a stranger's queue.
  static constexpr std::size_t kMaxAsked = 256;

  // From a front; the connection is the front's own.
  void on_hello(Connection& connection, ByteView payload);
  void on_proof(Connection& connection, const Bound& proof);
  void on_resume(Connection& connection, const Bound& resume);

  /// From a gate.  False: it never sends such.
  bool take(std::size_t gate, std::uint16_t kind, ByteView payload);
  /// A gate that owes answers and gave none for as long as a handshake may take does not work: it
  /// is started anew.  To be called every few seconds.
  void restart_stuck_gates();
  /// A gate died: its handshakes are refused, the clients come again.
  void forget_gate(std::size_t gate);
  /// The configuration changed: handshakes of the clients that `is_revoked` names end, and nobody
  /// is to blame.
  void withdraw(const std::function<bool(const Client&)>& is_revoked);
  /// A connection ends before it is a member: the gate forgets it, and a challenge that costs us
  /// arithmetic and is not answered counts as a failed attempt, whether it is made already or not.
  void abandon(Connection& connection);

 private:
  struct Owed {
    std::size_t answers = 0;
    std::chrono::steady_clock::time_point since{};  ///< its last answer, or when it had no debts
  };
  void begin(Connection& connection);
  void infer_name(Connection& connection);
  void on_challenge(Connection& connection, const srp::Number& b_public);
  void on_proven(Connection& connection, ByteView m2_and_key);
  void admit(Connection& connection, Session session);
  void welcome(Connection& connection, wire::Type type, ByteView payload, std::uint64_t next_seq);
  bool has_journal(Connection& connection);
  bool is_current(Connection& connection, Client& client, const wire::Id& session);
  bool ask(std::size_t gate, std::uint16_t kind, ByteView question);
  bool take_answer(std::size_t gate);
  Connection* find(std::size_t gate, ConnectionId id, Stage stage);
  Parts parts_;
  std::vector<Owed> owed_;  ///< by each gate
};

}  // namespace samhain::server
