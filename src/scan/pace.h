#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::scan {

/// What the measurers read while they work, and only the scanner can write.
struct PacePage {
  std::atomic<std::uint64_t> bytes_per_second;  ///< for each measurer; 0: no limit
  std::atomic<std::uint32_t> percent;           ///< of its time that each may work; 100: all
};

/// A page of memory that two processes have.
class SharedPage {
 public:
  SharedPage() = default;
  SharedPage(void* address, std::size_t size);
  PacePage& get() const { return *page_; }
  explicit operator bool() const { return page_ != nullptr; }

 private:
  struct Unmap {
    std::size_t size;
    void operator()(PacePage* page) const;
  };
  std::unique_ptr<PacePage, Unmap> page_{nullptr, Unmap{0}};
};

/// The scanner's end.  A page and no messages: a measurer looks at it between two pieces of a file,
/// without a system call, and a limit that changes holds in the middle of the largest one.
class PaceSetter {
 public:
  static Result<PaceSetter> create();
  void set(std::uint64_t bytes_per_second, std::uint32_t percent);
  /// For one measurer: sealed, so that nobody who gets it can write to it.
  Result<UniqueFd> share() const;

 private:
  PaceSetter(UniqueFd fd, SharedPage page) : fd_(std::move(fd)), page_(std::move(page)) {}
  UniqueFd fd_;
  SharedPage page_;
};

/// The measurer's end.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  /// Without a page there are no limits.  Errors: Refused (not such a page), System.
  static Result<Pace> open(const UniqueFd& fd);
  Pace() = default;

  bool is_limited() const;
  void begin(Clock::time_point now);  ///< what comes from now on is work, and all rest was had
  /// So many bytes were read by `now`; for work without reading, 0.
  void note(std::uint64_t bytes, Clock::time_point now);
  /// How long to rest at `now` before going on; zero mostly, for short rests are taken together.
  std::chrono::nanoseconds due(Clock::time_point now) const;

 private:
  explicit Pace(SharedPage page) : page_(std::move(page)) {}
  SharedPage page_;
  Clock::time_point worked_until_{};  ///< up to here work is accounted for
  Clock::time_point free_at_{};       ///< what was read is worth the time until then
  Clock::duration owed_{};            ///< rest for the work that was done
};

}  // namespace samhain::scan
