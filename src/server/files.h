#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

#include "server/connections.h"
#include "server/digester.h"
#include "server/file_store.h"
#include "server/guard.h"
#include "server/intake.h"
#include "server/notices.h"
#include "server/role_group.h"
#include "server/roster.h"
#include "server/settings.h"
#include "wire/files.h"

namespace samhain::server {

/// Files that members ask for (docs/protocol.md section 6): found here by the client's established
/// name, digested and vouched for here, sent by the front, which gets the open file.
class Files {
 public:
  struct Parts {
    const Settings& settings;
    Roster& roster;
    Connections& connections;
    RoleGroup& fronts;
    Intake& intake;
    Guard& guard;
    Notices& notices;
    Chores& chores;
    Digester& digester;
    Tally& tally;
  };
  explicit Files(Parts parts) : parts_(parts) {}

  // From a front; the connection is the front's own.
  void on_get(Connection& connection, ByteView payload);
  /// False: nothing is being sent there.
  bool on_sent(Connection& connection, bool is_whole);
  bool is_busy(ConnectionId id) const { return transfers_.contains(id); }
  /// A member's connection is over.
  void forget(const Connection& connection);

  /// Transfers at a time, each with a descriptor here or in a front; further ones wait.
  static constexpr std::size_t kMaxTransfers = 128;

 private:
  /// A file that changes while it is read is looked for anew.
  static constexpr int kMaxTries = 3;
  struct Transfer {
    wire::Get get;
    int tries = 0;
    bool is_begun = false;
    bool is_sending = false;
    StoredFile file;
  };
  void wake();
  bool start_one();
  void look_for(ConnectionId id);
  void on_digest(ConnectionId id, const Result<Digest>& digest);
  void deliver(Connection& connection, Transfer& transfer, const Digest& digest);
  void deny(Connection& connection, const std::string& path, Severity severity);
  void tell_obstacles(const Search& search, wire::FileKind kind, bool is_visitor);
  void touch(const Connection& connection);
  void complete(Connection& connection, const report::Event& event, const std::string& path);
  void end(ConnectionId id);
  Parts parts_;
  std::unordered_map<ConnectionId, Transfer> transfers_;
  std::deque<ConnectionId> waiting_;
  std::size_t begun_ = 0;
  bool is_awake_ = false;
};

}  // namespace samhain::server
