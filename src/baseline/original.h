#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "baseline/baseline.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/result.h"

namespace samhain::baseline {

// A database of samhain 3.x or 4.x, as its own programs wrote it on a little-endian machine:
// `[SOF]`, then for each object a packed structure and two or three lines of text.

/// What one of its records says.
struct OriginalObject {
  std::string directory;
  Entry entry;  ///< `attributes`: its mask and kImported, a mask of 0 where it has none; `policy` 0
};

/// All of its records, counted.
struct OriginalCounts {
  std::uint64_t objects = 0;
  std::uint64_t absent = 0;   ///< records that say that there is nothing of this name
  std::uint64_t skipped = 0;  ///< of modules, or by a name that no object has
  bool is_cut = false;        ///< ends within a record, which the original took for the end
  std::array<std::uint64_t, kLastDigestKind + 1> digests{};  ///< by DigestKind
};

/// Does the open file begin like one?  Reads at its beginning, moves nothing.
bool is_original(int fd);

using OnOriginal = std::function<Result<void>(OriginalObject&&)>;

/// Reads one from its first to its last byte; where it has several parts, as a second init of the
/// original left it, all of them: what comes later counts.  Hostile bytes: only for a process that
/// is locked in.
/// Errors: Malformed (no `[SOF]`, a record of another version), those of `on_object`.
Result<OriginalCounts> read_original(ByteView bytes, const OnOriginal& on_object);

/// How such a process tells us: counts first, then the objects.
Bytes encode(const OriginalCounts& counts);
Result<OriginalCounts> decode_counts(ByteView bytes);
Bytes encode(const OriginalObject& object);
Result<OriginalObject> decode_object(ByteView bytes);

}  // namespace samhain::baseline
