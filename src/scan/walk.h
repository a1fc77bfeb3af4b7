#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "baseline/baseline.h"
#include "policy/policy.h"
#include "samhain/result.h"
#include "scan/judge.h"
#include "scan/measurer_pool.h"
#include "scan/resume.h"

namespace samhain::scan {

/// One walk over everything the policy names, from the first order to the last answer:
///
///   1. the roots of the policy, and from each directory into those below it;
///   2. configured paths that no walk met (they are absent, or lie behind a symlink);
///   3. check and update: whatever the baseline has in directories that were not visited.
///
/// Held in memory are the directories under way: path, place in the policy, and their entries of
/// the baseline.  Everything happens in callbacks of the pool.
class Walk {
 public:
  struct Parts {
    MeasurerPool& pool;
    const policy::PolicyTree& tree;
    Judge& judge;
    baseline::Writer* writer = nullptr;  ///< init, update
    baseline::Reader* reader = nullptr;  ///< check, update
    Resume* resume = nullptr;            ///< check: what is remembered for a successor
    Acceptance* acceptance = nullptr;    ///< update: what becomes of each object
    baseline::Digests digests{};         ///< of the contents; a check's are the baseline's
  };
  using OnDone = std::function<void(Result<void>)>;  ///< once; may not destroy the walk

  Walk(Parts parts, OnDone on_done);
  void begin();
  void stop(const Error& why);

 private:
  enum class Phase { Roots, Leftovers, Unvisited, Done };

  /// A directory that was ordered and not yet answered to its end.
  struct Directory {
    std::string path;
    policy::PolicyTree::Place place{};
    std::size_t trusted_depth = 0;
    std::uint32_t links = 0;  ///< hard links of the directory, when it was met
    std::uint64_t device = 0;
    EntryCounts counts{};
    bool is_only_listed = false;  ///< every object is measured by an order of its own
    bool is_loaded = false;
    bool is_gone = false;     ///< while it was measured: what was not seen is missing
    bool has_failed = false;  ///< not read to its end: what was not seen may still be there
    std::vector<baseline::Entry> known{};  ///< of the baseline, sorted by name
    std::vector<bool> is_seen{};
    std::vector<bool> is_settled{};  ///< what an update makes of it is decided
    unsigned orders = 0;
    std::vector<Wanted> again{};  ///< to be measured by orders of their own
  };

  void order(Order what, MeasurerPool::OnAnswer on_answer);
  static unsigned orders_for(std::size_t names);
  void order_names(const Order& like, std::vector<Wanted> names,
                   const MeasurerPool::OnAnswer& on_answer);
  void note_hung(const std::string& directory, const Answer& answer);
  bool is_out_of_reach(std::string_view path) const;
  void advance();
  void fail(const Error& error);

  // 1. Directories.
  /// `parent`: the directory that it was met in, or empty.
  void order_directory(std::string path, const policy::PolicyTree::Place& place,
                       std::size_t trusted_depth, const FileFacts& facts,
                       const std::string& parent);
  Result<std::pair<std::uint64_t, std::uint64_t>> range_below(const std::string& path);
  Result<std::uint64_t> lower_bound(const std::string& path);
  bool note_visited(const std::string& path);
  bool passes_over(const std::string& path, const std::string& parent);
  bool is_whole(const std::string& path);
  void order_in(std::uint64_t number, std::vector<Wanted> names);
  void take_listed(std::uint64_t number, bool is_second, Answer&& answer);
  bool load(Directory& directory);
  void take_object(Directory& directory, bool is_second, FileFacts& facts);
  static const baseline::Entry* find_known(const Directory& directory, std::string_view name);
  bool is_measured_again(const Directory& directory, const policy::Rule& rule,
                         const FileFacts& facts) const;
  void enter(const Directory& directory, const FileFacts& facts);
  void finish(std::uint64_t number);
  void judge_counts(const Directory& directory);  // walk_counts.cc
  static void settle(Directory& directory, const baseline::Entry* known);
  bool keep_rest(const Directory& directory);
  bool finish_in_new(const Directory& directory);

  // Objects, wherever they come from.
  /// False: too little is known of it to be judged.
  bool take(const std::string& directory, std::size_t trusted_depth, const baseline::Entry* known,
            const FileFacts& facts, const policy::Rule& rule);
  bool search_rotated(const std::string& directory, std::size_t trusted_depth,
                      const baseline::Entry& known, const FileFacts& facts,
                      const policy::Rule& rule);

  // 2. Configured paths: walk_roots.cc.
  void order_root(const std::string& path, bool is_directory);
  void take_root(const Judge::Configured& root, Answer&& answer);
  void take_root_facts(const Judge::Configured& root, const FileFacts& facts);
  std::optional<baseline::Entry> known_root(const std::string& path);
  void gather_leftovers();
  bool order_next_leftover();

  // 3. Directories that were not visited: walk_unvisited.cc.
  void order_unvisited();
  bool order_next_unvisited();
  bool is_below_one_under_way(std::string_view path) const;
  void take_unvisited(std::uint64_t number, Answer&& answer);
  bool keep_all(const std::string& path);
  void order_known(const std::string& path, std::vector<baseline::Entry> known);
  Result<std::optional<std::string>> next_unvisited();
  void pass_unvisited(const std::string& path);
  bool is_passed_over(const std::string& path) const;

  Parts parts_;
  OnDone on_done_;
  Phase phase_ = Phase::Roots;
  std::size_t in_flight_ = 0;
  bool is_starting_ = false;  ///< orders are being given: nothing is finished yet

  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, Directory> under_way_;

  std::optional<Subtrees> subtrees_;
  std::vector<std::string> hung_;  ///< what timed out: nothing below it is asked for again
  std::vector<std::string> configured_directories_;  ///< sorted
  std::set<std::string, std::less<>> met_;           ///< configured paths that were handled
  std::vector<policy::PolicyTree::Root> leftovers_;  ///< the next one last
  std::vector<bool> is_visited_;         ///< of the baseline's directories, by their numbers
  std::size_t next_known_ = 0;           ///< the first of these that is still to be looked at
  std::vector<std::string> remembered_;  ///< directories that only deltas or memory have, sorted
  std::size_t next_remembered_ = 0;
  std::set<std::string, std::less<>> visited_remembered_;
};

}  // namespace samhain::scan
