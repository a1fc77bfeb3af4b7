#pragma once

#include <deque>
#include <functional>

#include "sys/loop.h"

namespace samhain::server {

/// Long work of a process that others wait for, cut in slices: one slice a round of the loop, the
/// chores in turn, so that the longest of them costs nobody more than a slice.
class Chores {
 public:
  /// Does a few milliseconds of work; false when there is no more.
  using Slice = std::function<bool()>;

  explicit Chores(sys::Loop& loop) : loop_(loop) {}
  ~Chores();
  Chores(const Chores&) = delete;
  Chores& operator=(const Chores&) = delete;

  /// Bytes of a file that a slice reads and digests.
  static constexpr std::size_t kSliceSize = 1U << 20;

  void add(Slice slice);

 private:
  void next();
  sys::Loop& loop_;
  std::deque<Slice> slices_;
  sys::Loop::Timer soon_ = 0;
};

}  // namespace samhain::server
