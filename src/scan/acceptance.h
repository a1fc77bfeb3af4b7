#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "baseline/baseline.h"
#include "samhain/facts.h"
#include "samhain/result.h"

namespace samhain::scan {

/// How the history names a change that is no change code.
inline constexpr std::string_view kAddedWord = "ADDED";
inline constexpr std::string_view kMissingWord = "MISSING";

/// By which kinds an update reads contents and which it writes, where the settings name others than
/// the old baseline has: what was trusted can only be compared by its own kind.
struct DigestPlan {
  baseline::Digests measured;  ///< the first one as in the old baseline, where that can be made
  baseline::Digests written;
  bool is_change = false;  ///< second digests are not compared then
};
/// `wanted`: what the settings say.  Nothing: three kinds would be needed of each content.
std::optional<DigestPlan> plan_digests(baseline::Digests old, baseline::Digests wanted);
/// As plan_digests() for an update that keeps most entries: the kinds stay.
DigestPlan keep_digests(baseline::Digests old);

/// A change that was accepted.
struct AcceptedChange {
  std::string path;
  std::string change;  ///< "C-------TS", "ADDED", "MISSING"
};

/// What an update makes of each object: a walk and its judge hand it what they found, and it writes
/// the new baseline.  Every entry of the old one comes by exactly once, or keep() is its end.  The
/// writer's first failure is kept: status().
class Acceptance {
 public:
  enum class Choice : std::uint8_t { Accept, Keep, Ask };
  struct How {
    std::function<Choice(std::string_view path)> choose;  ///< about a change
    /// What has not changed is taken as it is now, too: what its policy did not watch, other
    /// digests, another policy.
    bool renews_unchanged = false;
    DigestPlan digests;
  };
  /// Borrows `writer`.
  Acceptance(baseline::Writer& writer, How how) : writer_(writer), how_(std::move(how)) {}

  const DigestPlan& digests() const { return how_.digests; }

  /// `is_told`: nobody is asked about what IgnoreAdded and IgnoreMissing keep quiet about.
  void take_added(std::string_view directory, const baseline::Entry& now, bool is_told);
  void take_changed(std::string_view directory, const baseline::Entry& known,
                    const baseline::Entry& now, std::string_view change);
  void take_unchanged(std::string_view directory, const baseline::Entry& known,
                      const baseline::Entry& now);
  void take_missing(std::string_view directory, const baseline::Entry& known, bool is_told);
  void keep(std::string_view directory, const baseline::Entry& known);

  /// One of which somebody must be asked; it is in the new baseline only after answer().
  struct Question {
    AcceptedChange change;
    std::string directory;
    std::optional<baseline::Entry> known;
    std::optional<baseline::Entry> now;
  };
  const std::vector<Question>& questions() const { return questions_; }
  void answer(const Question& question, bool is_accepted);

  const std::vector<AcceptedChange>& accepted() const { return accepted_; }
  /// Accepted ones that accepted() has not: it keeps the first baseline::kMaxApprovals.
  std::uint64_t accepted_count() const { return accepted_count_; }
  const Result<void>& status() const { return status_; }

 private:
  void take(Question question, bool is_told);
  void write(std::string_view directory, baseline::Entry entry);
  void note(AcceptedChange change);
  void arrange_digests(FileFacts& facts) const;

  baseline::Writer& writer_;
  How how_;
  std::vector<Question> questions_;
  std::vector<AcceptedChange> accepted_;
  std::uint64_t accepted_count_ = 0;
  Result<void> status_;
};

}  // namespace samhain::scan
