#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "server/chores.h"
#include "server/connections.h"
#include "server/guard.h"
#include "server/intake.h"
#include "server/notices.h"
#include "server/role_group.h"
#include "server/settings.h"
#include "wire/files.h"

namespace samhain::server {

/// Baselines that members send (docs/protocol.md section 6), which wait in the pending directory
/// for an administrator (yulectl(8)).  The front writes what comes into a file that it is lent;
/// what is kept is a copy, made here while it is digested: a front that was taken over can change
/// the file, but not what was vouched for.
class Uploads {
 public:
  struct Parts {
    const Settings& settings;
    Connections& connections;
    RoleGroup& fronts;
    Intake& intake;
    Guard& guard;
    Notices& notices;
    Chores& chores;
    Tally& tally;
  };
  explicit Uploads(Parts parts) : parts_(parts) {}
  ~Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  /// After the start and each reload: tells once if uploads are wanted and cannot be kept, and
  /// removes what a server that was killed left half done.
  void prepare();

  // From a front; the connection is the front's own.
  void on_put(Connection& connection, ByteView payload);
  /// False: nothing is being received there.
  bool on_put_end(Connection& connection, const PutEnd& end);
  bool is_busy(ConnectionId id) const { return uploads_.contains(id) || waiting_.contains(id); }
  /// A member's connection is over.
  void forget(const Connection& connection);

  /// Uploads at a time, each with descriptors here and in a front; further ones wait, and their
  /// clients with them.
  static constexpr std::size_t kMaxUploads = 16;

 private:
  struct Upload;
  Result<std::shared_ptr<Upload>> open(const Connection& connection, const wire::Put& put);
  Result<void> judge(const Connection& connection, const wire::Put& put) const;
  void begin(Connection& connection, const wire::Put& put);
  bool begin_waiting();
  bool copy_slice(ConnectionId id);
  Result<bool> copy(Upload& upload);
  void keep(Connection& connection, Upload& upload);
  void refuse(Connection& connection, const wire::Put& put, const std::string& reason);
  Parts parts_;
  std::unordered_map<ConnectionId, std::shared_ptr<Upload>> uploads_;
  std::map<ConnectionId, wire::Put> waiting_;  ///< the oldest connection first
  Bytes buffer_;                               ///< lent to one slice at a time
};

}  // namespace samhain::server
