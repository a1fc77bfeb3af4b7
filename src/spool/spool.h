#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "samhain/bytes.h"
#include "samhain/result.h"
#include "samhain/severity.h"

namespace samhain::spool {

/// Reports not yet acknowledged, on disk, numbered from 1 without a gap for ever
/// (docs/spool-format.md): a directory with `id` (16 random bytes), `lock`, and segments named by
/// their first number.
class Spool {
 public:
  struct Settings {
    std::string directory;
    std::uint64_t limit_bytes = 256U << 20;
    std::uint64_t segment_bytes = 1U << 20;
  };
  /// What had to go because the spool was full, or could not be read any more.
  struct Loss {
    std::uint64_t count = 0;
    std::uint64_t refused = 0;  ///< number of the last report that was lost on arrival; 0: none
  };

  /// Opens or makes the directory (0700), takes its lock, cuts a torn record off the end.  A
  /// damaged segment is kept as `*.damaged`, its good records go on; damaged() tells. Errors: Busy
  /// (another process has it), Refused (the directory is another user's, or others may write
  /// there), Malformed (the id is damaged), System.
  static Result<std::unique_ptr<Spool>> open(Settings settings);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  const std::array<std::uint8_t, 16>& id() const;

  /// Gives the report the next number and writes it; durable after flush().
  /// When full, the oldest of the lowest severity go first, and take_loss() counts them; if that is
  /// this report, its number is given but never comes back from read() with a body.
  /// Errors: System (disk full: nothing was appended, the number is not used), Limit.
  Result<std::uint64_t> append(Severity severity, ByteView body);
  Result<void> flush();  ///< fdatasync(2) of what was appended since

  std::uint64_t first() const;  ///< lowest number held; next() if empty
  std::uint64_t next() const;   ///< number that append() will give
  bool is_empty() const { return first() == next(); }

  /// Calls for held and durable reports with numbers from `from` up, in order; stops after a call
  /// that returned false.  A number that was lost comes with an empty body.  `take` may append and
  /// drop, not read.  Going on where the last call stopped costs no seek.
  Result<void> read(std::uint64_t from,
                    const std::function<bool(std::uint64_t seq, ByteView body)>& take);

  /// All up to `seq` are acknowledged: forget them.  A number not given yet means that the disk
  /// lost reports which the server has: it and those below are never given again.
  Result<void> drop_through(std::uint64_t seq);

  Loss take_loss();       ///< since the last call
  std::string damaged();  ///< names of segments found damaged, or ""

 private:
  struct State;
  explicit Spool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::spool
