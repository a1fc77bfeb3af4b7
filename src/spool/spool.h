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

/// Reports not yet acknowledged, on disk, numbered without a gap for ever (docs/spool-format):
/// a directory with `id` (16 random bytes), `lock`, and segments named by their first number.
class Spool {
 public:
  struct Settings {
    std::string directory;
    std::uint64_t limit_bytes = 256U << 20;
    std::uint64_t segment_bytes = 1U << 20;
  };
  /// What had to go because the spool was full.
  struct Loss {
    std::uint64_t count = 0;
  };

  /// Opens or makes the directory (0700), takes its lock, cuts a torn record off the end.
  /// Errors: Busy (another process has it), System, Malformed (a damaged record in the middle: the
  /// segment is set aside as `*.damaged` and the rest goes on; the error is told by damaged()).
  static Result<std::unique_ptr<Spool>> open(Settings settings);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  const std::array<std::uint8_t, 16>& id() const;

  /// Gives the report the next number and writes it; durable after flush().
  /// When full, the oldest of the lowest severity go first, and take_loss() counts them.
  /// Errors: System (disk full: nothing was appended, the number is not used), Limit.
  Result<std::uint64_t> append(Severity severity, ByteView body);
  Result<void> flush();  ///< fdatasync(2) of what was appended since

  std::uint64_t first() const;  ///< lowest number held; next() if empty
  std::uint64_t next() const;   ///< number that append() will give
  bool is_empty() const { return first() == next(); }

  /// Calls for held reports with numbers from `from` up, in order, until `take` returns false.
  /// A number that was lost comes with an empty body.
  Result<void> read(std::uint64_t from,
                    const std::function<bool(std::uint64_t seq, ByteView body)>& take);

  /// All up to `seq` are acknowledged: forget them.
  Result<void> drop_through(std::uint64_t seq);

  Loss take_loss();       ///< since the last call
  std::string damaged();  ///< names of segments set aside at open, or ""

 private:
  struct State;
  explicit Spool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::spool
