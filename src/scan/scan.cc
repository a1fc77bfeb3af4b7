#include "scan/scan.h"

#include <cassert>
#include <optional>
#include <utility>

#include "scan/judge.h"
#include "scan/walk.h"

namespace samhain::scan {

struct Scanner::State {
  State(sys::Loop& its_loop, MeasurerPool& its_pool, const base::Clock& its_clock,
        const policy::PolicyTree& its_tree, baseline::Digests its_digests, Judge its_judge)
      : loop(its_loop),
        pool(its_pool),
        clock(its_clock),
        tree(its_tree),
        digests(its_digests),
        judge(std::move(its_judge)) {}

  sys::Loop& loop;
  MeasurerPool& pool;
  const base::Clock& clock;
  const policy::PolicyTree& tree;
  baseline::Digests digests;  ///< for a new baseline
  Judge judge;
  std::string baseline_digest;  ///< of the baseline that the judge's memory is about
  std::optional<Walk> walk;
  OnDone on_done;
  std::chrono::steady_clock::time_point start;
  sys::Loop::Timer end_timer = 0;

  void begin(Mode mode, Walk::Parts parts, OnDone done);
  void end(Result<void> result);
};

baseline::Digests usable(baseline::Digests digests) {
  const auto can_be_made = [](DigestKind kind) {
    return kind != DigestKind::None && kind != DigestKind::Tiger192;
  };
  if (!can_be_made(digests.first)) digests.first = DigestKind::Sha256;
  if (!can_be_made(digests.second)) digests.second = DigestKind::None;
  return digests;
}

void Scanner::State::begin(Mode mode, Walk::Parts parts, OnDone done) {
  assert(!walk);
  on_done = std::move(done);
  start = clock.steady();
  judge.begin(mode, pool.deadline(), parts.resume);
  // Whatever the settings say meanwhile: only digests of one kind can be compared.
  parts.digests = parts.reader != nullptr ? usable(parts.reader->about().digests) : digests;
  walk.emplace(parts, [this](Result<void> result) { end(std::move(result)); });
  walk->begin();
}

/// Called by the walk itself: it is taken down when it is not running any more.
void Scanner::State::end(Result<void> result) {
  end_timer = loop.soon([this, result = std::move(result)] {
    end_timer = 0;
    Summary summary = judge.summary();
    summary.duration = clock.steady() - start;
    walk.reset();
    const OnDone done = std::exchange(on_done, {});
    if (result) {
      done(summary);
    } else {
      done(result.error());
    }
  });
}

Scanner::Scanner(sys::Loop& loop, MeasurerPool& pool, const base::Clock& clock,
                 const policy::PolicyTree& tree, Settings settings, OnReport on_report)
    : state_(std::make_unique<State>(loop, pool, clock, tree, settings.digests,
                                     Judge(clock, std::move(settings), std::move(on_report)))) {}

Scanner::~Scanner() {
  if (state_->walk) state_->pool.drop_all();
  state_->loop.cancel(state_->end_timer);
}

void Scanner::init(baseline::Writer& writer, OnDone on_done) {
  State& s = *state_;
  s.begin(Mode::Init, {.pool = s.pool, .tree = s.tree, .judge = s.judge, .writer = &writer},
          std::move(on_done));
}

void Scanner::check(baseline::Reader& baseline, OnDone on_done, Resume* resume) {
  std::string digest = baseline.digest_hex();
  if (digest != state_->baseline_digest) state_->judge.forget();
  state_->baseline_digest = std::move(digest);
  State& s = *state_;
  s.begin(Mode::Check,
          {.pool = s.pool, .tree = s.tree, .judge = s.judge, .reader = &baseline, .resume = resume},
          std::move(on_done));
}

void Scanner::take_memory_of(Scanner& other) {
  assert(!other.is_running());
  state_->judge.take_memory_of(other.state_->judge);
  state_->baseline_digest = std::move(other.state_->baseline_digest);
}

bool Scanner::is_running() const { return state_->walk.has_value(); }

Summary Scanner::so_far() const { return state_->judge.summary(); }

void Scanner::stop() {
  if (!state_->walk) return;
  state_->walk->stop(Error{Error::Kind::Refused, "the scan was stopped"});
}

}  // namespace samhain::scan
