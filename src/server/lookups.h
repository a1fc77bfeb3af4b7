#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "server/requests.h"
#include "server/role_group.h"
#include "sys/loop.h"

namespace samhain::server {

/// Questions to the resolvers: names one at a time for each process, the rest in a queue; equal
/// ones asked once, answers cached.
///
/// Strangers whose DNS is slow must not keep others from an answer.  So what a resolver has not
/// answered within `patience` counts as unknown, and so does what waited twice as long for its
/// turn; the resolver goes on, and its late answer is good for the cache.  One that takes twice as
/// long is replaced.  The newest question is asked first: whoever comes again has a fair chance,
/// however long the queue is.  And a name that was confirmed once stands in while no answer comes.
class Lookups {
 public:
  using OnNames = std::function<void(const NameFacts& facts)>;
  using OnVerdict = std::function<void(bool is_allowed)>;

  static constexpr std::chrono::milliseconds kPatience{5'000};
  static constexpr std::chrono::minutes kLifeOfGood{5};
  static constexpr std::chrono::minutes kLifeOfBad{1};
  static constexpr std::chrono::hours kLifeOfStale{24};  ///< more, for one that was confirmed
  static constexpr std::size_t kMaxCached = 4'096;
  static constexpr std::size_t kMaxWaiting = 4'096;
  /// Verdicts asked for ahead, so that many new connections do not wait for as many round trips.
  static constexpr std::size_t kAhead = 32;
  /// The first resolvers judge only, so that a dead DNS server keeps nobody from being let in.  The
  /// very first one judges known addresses only: rules with host names make the others wait for the
  /// names of strangers.
  static constexpr std::size_t kJudges = 3;

  Lookups(sys::Loop& loop, const base::Clock& clock, std::chrono::milliseconds patience = kPatience)
      : loop_(loop), clock_(clock), patience_(patience) {}
  void open(RoleGroup& resolvers);

  /// Without an answer: not allowed.  Never cached, for the rules are read anew for each
  /// connection.
  /// `is_known`: a client authenticated from there before.
  void judge(const std::string& address, bool is_known, OnVerdict on_verdict);
  /// `claim` empty: only the address is asked about.  Without an answer: nothing resolves.  Called
  /// at once where the answer is cached.
  void find_names(const std::string& address, const std::string& claim, OnNames on_names);
  void clear_cache() { cache_.clear(); }

  // What the resolvers' group hands over.
  bool take(std::size_t resolver, std::uint16_t kind, ByteView payload);
  void on_ready(std::size_t resolver) { ask_next(resolver); }
  void on_down(std::size_t resolver);

 private:
  struct Question {
    std::uint64_t number = 0;
    std::chrono::steady_clock::time_point since{};
    std::string address;
    std::string claim;
    bool is_judged = false;  ///< libwrap is asked, else names
    OnVerdict on_verdict;
    std::vector<OnNames> on_names;
  };
  using Queue = std::deque<std::unique_ptr<Question>>;
  struct Worker {
    Queue asked;                 ///< not yet answered, in the order asked
    sys::Loop::Timer timer = 0;  ///< for the first of them
    bool is_late = false;        ///< nobody listens to the answers that are due
  };
  struct Cached {
    NameFacts facts;
    std::chrono::steady_clock::time_point until;
  };

  static std::string key_of(const std::string& address, const std::string& claim);
  Queue& queue_of(std::size_t resolver) {
    if (resolver == 0) return to_judge_known_;
    return resolver < kJudges ? to_judge_ : to_look_up_;
  }
  bool join_waiting(const std::string& address, const std::string& claim, OnNames& on_names);
  void enqueue(Queue& queue, std::unique_ptr<Question> question);
  bool has_room(std::size_t resolver) const {
    const Worker& worker = workers_[resolver];
    return !worker.is_late && worker.asked.size() < (resolver < kJudges ? kAhead : 1);
  }
  void ask_next(std::size_t resolver);
  void set_timer(std::size_t resolver);
  void expire(Queue& queue);
  bool ask(std::size_t resolver, const Question& question);
  void ask_others(std::size_t resolver);
  void on_late(std::size_t resolver);
  void release(std::size_t resolver);
  std::unique_ptr<Question> take_question(std::size_t resolver, std::uint64_t number);
  static void answer(const Question& question, const NameFacts& facts);
  void answer_unknown(const Question& question);
  void remember(const Question& question, const NameFacts& facts);

  sys::Loop& loop_;
  const base::Clock& clock_;
  std::chrono::milliseconds patience_;
  RoleGroup* resolvers_ = nullptr;
  std::vector<Worker> workers_;
  Queue to_judge_known_;
  Queue to_judge_;
  Queue to_look_up_;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::string, Cached> cache_;
};

}  // namespace samhain::server
