#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "server/relay_batch.h"
#include "sink/log_file.h"
#include "wire/messages.h"

namespace samhain::server {

/// Which reports of each client are in the log: the server's half of "exactly once".  A file beside
/// the log (docs/architecture.md, section Exactly once).  A report is named by (client, spool id,
/// seq); for each spool the next number expected is kept, lower ones are duplicates.
///
/// A batch: advance() for each report, intend() writes down durably where the batch will land and
/// which numbers it covers, the log commits, stand() says that it did.  After a kill at any point
/// open() asks the log itself (LogFile::settle) whether the last intent came true.
class Ledger {
 public:
  /// Spools and processes remembered of one client; the one used longest ago goes first.
  static constexpr std::size_t kMaxSpools = 64;
  static constexpr std::size_t kMaxInstances = 8;

  /// Opens or makes `path`, settles the last intent against the log at `log_path`, and starts a new
  /// file with what holds.  Errors: System, Malformed (no ledger), Version (of a newer program).
  static Result<std::unique_ptr<Ledger>> open(std::string path, const std::string& log_path);

  /// The number expected next, what the current batch holds included; 0 for a spool not known.
  std::uint64_t next(std::string_view client, const wire::Id& spool) const;
  /// Without the current batch: what is below stays in the log whatever happens, and only that may
  /// the client be told to forget.
  std::uint64_t durable(std::string_view client, const wire::Id& spool) const;
  /// The current batch holds the reports below `next`, in the log of that number (0 is the main
  /// one).  Within a batch all reports of a client go to the same log.
  void advance(std::string_view client, const wire::Id& spool, std::uint64_t next,
               unsigned log = 0);

  /// Did this process of the client authenticate here before?  Kept so that a restart of the server
  /// is told from a restart of the client; written with the next record, for only words depend on
  /// it.
  bool knows_instance(std::string_view client, const wire::Id& instance) const;
  void remember_instance(std::string_view client, const wire::Id& instance);

  /// Before the batch is written: where it will land in each log, by the log's number.  Each log
  /// settles for itself after a crash.  `onward`, where there is one, is what goes on to the next
  /// server when it is there.  Errors: System; nothing of it counts then.
  Result<void> intend(std::span<const sink::Landing> landings, const RelayBatch* onward = nullptr);
  /// The batch is in the log.
  void stand();
  /// And on its way to the next server.
  void hand_on() { left_.clear(); }
  /// What the logs have and the spool for the next server may not; kept over every restart until
  /// hand_on().
  std::optional<RelayBatch> left() const;

  /// Starts the file anew with what holds.  Errors: System; what the file holds is still true then,
  /// and the next record tries again.
  Result<void> compact();
  bool wants_compaction() const { return size_ > compact_above_; }

 private:
  struct Spool {
    wire::Id id{};
    std::uint64_t next = 0;      ///< with the current batch
    std::uint64_t standing = 0;  ///< without it
  };
  struct Client {
    std::vector<Spool> spools;  ///< used last: at the end
    std::vector<wire::Id> instances;
  };
  using Clients = std::map<std::string, Client, std::less<>>;
  struct Intent;
  struct Mark {
    Clients::pointer client;
    wire::Id spool;
    unsigned log;
  };

  explicit Ledger(std::string path) : path_(std::move(path)) {}
  Result<void> load(ByteView file, const std::string& log_path);
  Result<void> settle(Intent last, const std::string& log_path);
  bool read_record(ByteView payload, Intent& open_intent);
  void keep(const Intent& intent);
  Result<void> append(ByteView bytes);
  void cut_back();
  Spool& spool_of(Client& client, const wire::Id& id);
  const Spool* find(std::string_view client, const wire::Id& id) const;
  Bytes snapshot() const;

  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t compact_above_ = 0;
  /// What fd_ leads to is no file to append to: half a record is at its end, or another file has
  /// its name.  compact() makes a good one.
  bool is_unusable_ = false;
  bool last_stood_ = true;  ///< what became of the intent before the one to come
  Clients clients_;
  std::vector<Mark> batch_;
  Bytes onward_;  ///< of the current batch, as a record has it
  Bytes left_;    ///< the same of one that stands
};

}  // namespace samhain::server
