#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "samhain/result.h"
#include "sink/log_file.h"

namespace samhain::server {

/// Name of the log of each client, by the client's full name.
using LogNames = std::map<std::string, std::string>;

/// A name for each of the clients (full names, lower case): without its domain where
/// `strips_domain` and no other client has the same then.  Names that the main log's own companions
/// have (lock, ledger, numbers of rotated ones) get an `@` in front; a name that is no file's name
/// is left out.
LogNames log_names(const std::vector<std::string>& clients, bool strips_domain);

/// Logs of single clients, `LOGFILE.NAME` beside the main one, opened when they are written to.  At
/// most kMaxOpen at once: the one used longest ago makes room, but never one of the current batch,
/// which the owner ends by end_batch() when all is durable.
class SeparateLogs {
 public:
  static constexpr std::size_t kMaxOpen = 64;

  /// `model` is the main log's: its path is the stem of all.
  explicit SeparateLogs(sink::LogFile::Settings model) : model_(std::move(model)) {}
  void adjust(const report::Layout& layout, const std::vector<uid_t>& trusted);

  /// The log of that name, opened, and of this batch from now on; its number begins at 1.
  /// Errors: Limit (kMaxOpen are of this batch already), Refused, System.
  Result<unsigned> take(const std::string& name);
  sink::LogFile& at(unsigned number) { return *batch_[number - 1]; }
  /// How many are of this batch.
  unsigned count() const { return static_cast<unsigned>(batch_.size()); }
  bool is_full() const { return batch_.size() >= kMaxOpen; }

  std::size_t pending() const;
  void end_batch() { batch_.clear(); }
  /// Where they were moved away new ones are begun when they are written to next.
  void close_idle();

 private:
  struct Open {
    std::unique_ptr<sink::LogFile> log;
    std::uint64_t used = 0;
  };
  bool is_of_batch(const sink::LogFile* log) const;
  void make_room();

  sink::LogFile::Settings model_;
  std::map<std::string, Open> open_;
  std::vector<sink::LogFile*> batch_;
  std::uint64_t clock_ = 0;
};

}  // namespace samhain::server
