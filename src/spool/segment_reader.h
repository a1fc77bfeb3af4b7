#pragma once

#include <cstdint>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "spool/segment.h"

namespace samhain::spool {

/// Reads one segment's records through a window of its bytes, and remembers where it stood: a
/// reader who comes back for the next number, or for the same again, finds it at once.
class SegmentReader {
 public:
  /// Turns to the segment `first` of `directory`; nothing is lost if it is there already.
  Result<void> select(int directory, std::uint64_t first);
  void forget() { first_ = 0; }

  /// Where to look for `seq`: at a remembered place, or at the segment's start.
  std::uint64_t offset_for(std::uint64_t seq) const;

  /// The record at `offset` of a segment of `size` good bytes; its body is valid until the next
  /// call. Errors: Malformed (damaged), System.
  Result<Record> at(std::uint64_t offset, std::uint64_t size);

 private:
  Result<void> load(std::uint64_t offset, std::uint64_t wanted, std::uint64_t size);
  ByteView window(std::uint64_t offset) const;

  std::uint64_t first_ = 0;  ///< 0: none
  UniqueFd fd_;
  Bytes bytes_;
  std::uint64_t begin_ = 0;  ///< offset of bytes_ in the file
  std::uint64_t here_ = 0;   ///< of the last record read
  std::uint64_t here_seq_ = 0;
  std::uint64_t behind_ = 0;  ///< where that record ends
};

}  // namespace samhain::spool
