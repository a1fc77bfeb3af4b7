#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/codec.h"
#include "samhain/handle.h"
#include "spool/segment.h"
#include "spool/segment_reader.h"
#include "spool/spool.h"

namespace samhain::spool {

/// What is known of one segment without reading it.
struct Segment {
  std::uint64_t lowest = 0;  ///< lowest number in it; 0 if it is empty
  std::uint64_t last = 0;    ///< highest number in it; first - 1 if it is empty
  std::uint64_t size = 0;    ///< where its good records end
  std::array<std::uint64_t, kSeverityCount> counts{};

  void count(std::uint64_t seq, Severity severity) {
    if (lowest == 0) lowest = seq;
    last = seq;
    ++counts[static_cast<std::size_t>(severity)];
  }
};

/// A spool's members; spool.cc has what is done every day, opening.cc what is done once,
/// making_room.cc what is done when it is full.
struct Spool::State {
  Settings settings;
  UniqueFd directory;
  UniqueFd lock;
  std::array<std::uint8_t, 16> id{};

  /// By first number; the last one is active: only it grows.
  std::map<std::uint64_t, Segment> segments;
  UniqueFd active;
  std::uint64_t total = 0;  ///< bytes of all segments

  std::uint64_t next = 1;
  std::uint64_t acknowledged = 0;
  std::uint64_t durable_next = 1;  ///< numbers below survive a power cut
  std::uint64_t durable_size = 0;  ///< of the active segment
  bool must_write_again = false;   ///< fdatasync(2) failed: the kernel may have dropped the pages

  std::uint64_t lost = 0;
  std::uint64_t refused = 0;  ///< see Loss
  std::string damaged;
  base::Writer scratch;
  SegmentReader reader;
  std::uint64_t generation = 0;  ///< rises when a segment goes or is rewritten
  bool is_reading = false;

  std::uint64_t active_first() const { return segments.rbegin()->first; }
  Segment& active_segment() { return segments.rbegin()->second; }
  bool is_active(std::uint64_t first) const { return first == active_first(); }
  void note_damage(const std::string& name);

  // opening.cc
  Result<void> open_directory();
  Result<void> take_lock();
  Result<void> load_id();
  Result<void> load_segments();
  Result<void> load_segment(std::uint64_t first, bool is_last);
  /// Links the segment to `*.damaged` and puts its good records in its place.
  Result<void> keep_damaged(const std::string& name, ByteView good);
  Result<void> open_active();

  // spool.cc
  Result<void> flush();
  Result<void> start_segment();  ///< named `next`; becomes the active one
  Result<void> forget(std::uint64_t first);
  Result<void> forget_acknowledged();
  Result<void> write_record(Severity severity, ByteView body);
  Result<void> read(std::uint64_t expected,
                    const std::function<bool(std::uint64_t, ByteView)>& take);
  /// False: `take` has had enough, or nothing durable is left.
  Result<bool> read_segment(std::uint64_t first, std::uint64_t& expected,
                            const std::function<bool(std::uint64_t, ByteView)>& take);
  /// The segment cannot be read from `offset` on, where `expected` should be: its rest is lost.
  Result<void> give_up_rest(std::uint64_t first, std::uint64_t offset, std::uint64_t expected);

  // making_room.cc
  /// False: everything held is more important than `severity`.
  Result<bool> make_room(Severity severity, std::uint64_t size);
  Result<void> replace(const std::string& name, ByteView content);  ///< whole, durable, or not
  /// Keeps what `keeps` says of a segment that is not active.
  Result<void> rewrite(std::uint64_t first, const std::function<bool(const Record&)>& keeps);
};

}  // namespace samhain::spool
