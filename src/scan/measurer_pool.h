#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/attributes.h"
#include "policy/skip.h"
#include "samhain/facts.h"
#include "samhain/result.h"
#include "sys/loop.h"
#include "sys/role.h"

namespace samhain::scan {

/// Names in one order at most; a directory with more is dealt out in several.
inline constexpr std::size_t kMaxNames = 2'000;

/// A name to measure, and for a growing log how many of its first bytes to digest besides.
struct Wanted {
  std::string name{};
  policy::AttributeSet attributes{};
  std::uint64_t prefix_size = 0;
  std::uint8_t type = 0;  ///< DT_… as the directory said, DT_UNKNOWN (0): find out first
};

/// One piece of work for a measurer: the entries of a directory, or names in it, or the one file in
/// it that has a certain inode.
struct Order {
  std::string
      directory;  ///< absolute; opened component by component, no symlink below `trusted_depth`
  std::size_t trusted_depth =
      0;               ///< leading components that may be symlinks: the configured root's parents
  bool lists = false;  ///< measure every entry, by `attributes` or by what `names` says
  policy::AttributeSet attributes{};
  std::vector<Wanted> names{};  ///< at most kMaxNames
  /// Not 0: of all entries only the regular file with this inode, by `attributes`, its first
  /// `prefix_size` bytes digested besides (a log that was renamed).
  std::uint64_t inode = 0;
  std::uint64_t prefix_size = 0;
  DigestKind digest = DigestKind::Sha256;
  DigestKind second_digest = DigestKind::None;
};

/// What a measurer noticed about an object beside its facts.
struct Remark {
  enum class Kind : std::uint8_t {
    Slow = 1,  ///< finding and opening it took so many seconds
    Dangling,  ///< a symlink, to nothing
  };
  Kind kind = Kind::Slow;
  std::string name{};
  std::uint32_t seconds = 0;
  std::string target{};  ///< of a symlink
};

/// What comes back, in any number of pieces; is_last ends the order.
struct Answer {
  std::vector<FileFacts> facts;
  /// Names left for others, because this measurer has had enough: order them again.
  std::vector<Wanted> rest;
  std::vector<Remark> remarks{};
  bool is_last = false;
  Stage failed_stage = Stage::None;  ///< the directory itself could not be read
  int failed_errno = 0;
  std::uint64_t bytes_read = 0;
};

/// The object or directory was not there, or not where it was looked for.
bool is_absent(Stage stage, int sys_errno);
/// Nothing is known of the object but its name.
inline bool has_no_facts(const FileFacts& facts) { return facts.mode == 0; }

/// The measurer processes.  One that hangs beyond the deadline on one object (dead NFS or FUSE) is
/// left behind, replaced, and its object answered with Stage::Timeout.
class MeasurerPool {
 public:
  /// How much all of them together may take of this host.
  struct Limits {
    std::uint64_t bytes_per_second = 0;  ///< of content; 0: no limit
    unsigned pressure_percent = 0;       ///< see Pressure: above it they work a tenth of their time
    bool operator==(const Limits&) const = default;
  };
  struct Settings {
    unsigned count = 0;                  ///< 0: one a core
    std::chrono::seconds deadline{120};  ///< for one system call, and see Measure
    bool drops_cache = false;            ///< see Measure
    Limits limits;
    policy::SkipSettings skip;                     ///< good ones: what is not read
    bool follows_symlinks = false;                 ///< to remark on those that lead nowhere
    std::function<void(const Error&)> on_trouble;  ///< one died or hung, and what was done about it
  };
  using OnAnswer = std::function<void(Answer&&)>;

  static Result<std::unique_ptr<MeasurerPool>> start(
      sys::Loop& loop, Settings settings, std::function<void(std::string_view)> on_ready);
  ~MeasurerPool();
  MeasurerPool(const MeasurerPool&) = delete;
  MeasurerPool& operator=(const MeasurerPool&) = delete;

  bool is_ready() const;
  void limit(Limits limits);                     ///< from now on
  void submit(Order order, OnAnswer on_answer);  ///< queued; last in, first out
  std::size_t outstanding() const;               ///< orders not yet answered
  /// Before a scan: directories kept open since the last one might have been moved away.
  void forget_directories();
  void drop_all();  ///< forgets every order; their callbacks are not called any more
  std::chrono::seconds deadline() const;
  std::vector<pid_t> pids() const;

 private:
  struct State;
  explicit MeasurerPool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The measurer's own main: `samhain --role=measurer`.  Returns the exit status.
int run_measurer();

}  // namespace samhain::scan
