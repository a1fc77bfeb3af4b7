#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/options.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::agent {

/// Where a scan is.
struct ScanState {
  Action action = Action::None;  ///< None: there is no scan
  std::int64_t began_ns = 0;     ///< since the epoch, as all times here
  std::uint64_t files = 0;       ///< objects measured, and those that a resumed scan passes over
  std::uint64_t bytes = 0;       ///< of content read
  std::uint64_t skipped = 0;     ///< of `files`: measured before the restart
  std::uint64_t expected = 0;    ///< objects that there will be; 0: not known
};

enum class Outcome : std::uint8_t { Completed = 1, Stopped, Failed };

/// What came of one.
struct ScanResult {
  ScanState scan;
  std::uint64_t duration_ms = 0;
  std::uint64_t findings = 0;
  std::uint64_t errors = 0;
  Outcome outcome = Outcome::Completed;
};

/// What a samhain says of itself, for `samhain status` and for its successor.
struct Status {
  std::int64_t pid = 0;
  std::int64_t started_ns = 0;
  std::int64_t updated_ns = 0;
  std::int64_t next_ns = 0;  ///< the next scan begins; 0: none is planned
  bool is_suspended = false;
  ScanState running;
  ScanResult last;  ///< of none: its action is None
};

std::string encode(const Status& status);
/// Errors: Malformed (cut, changed by somebody, or of another version).
Result<Status> decode_status(std::string_view text);

/// A small file beside the baseline that only its owner can read.  It is written in place, so that
/// it costs one system call and no flush; whoever reads it half-way sees that by its checksum.  One
/// process has it at a time: the lock tells whether that one is alive.
class StatusFile {
 public:
  /// Errors: Busy (another samhain has it), Refused (not ours alone), System.
  static Result<StatusFile> open(const std::string& path);
  /// What it held when it was opened, if that was a status.
  const std::optional<Status>& before() const { return before_; }
  /// `is_durable`: it is on the disk when this returns.
  Result<void> write(const Status& status, bool is_durable);

 private:
  StatusFile(UniqueFd fd, std::optional<Status> before) : fd_(std::move(fd)), before_(before) {}
  UniqueFd fd_;
  std::optional<Status> before_;
};

struct SeenStatus {
  Status status;
  bool is_alive = false;  ///< the process that wrote it still runs
};
/// Errors: Missing (there is none), Refused (others may have written it), Malformed, System.
Result<SeenStatus> read_status(const std::string& path);

}  // namespace samhain::agent
