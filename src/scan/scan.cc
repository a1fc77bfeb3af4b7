#include "scan/scan.h"

#include <cassert>
#include <optional>
#include <utility>

#include "scan/judge.h"
#include "scan/spot_check.h"
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
  std::optional<SpotCheck> spot_check;
  OnDone on_done;
  std::chrono::steady_clock::time_point start;
  sys::Loop::Timer end_timer = 0;

  void prepare(Mode mode, Judge::Companions companions, OnDone done);
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

void Scanner::State::prepare(Mode mode, Judge::Companions companions, OnDone done) {
  assert(!walk && !spot_check);
  on_done = std::move(done);
  start = clock.steady();
  judge.begin(mode, pool.deadline(), companions);
}

void Scanner::State::begin(Mode mode, Walk::Parts parts, OnDone done) {
  prepare(mode, {.resume = parts.resume, .acceptance = parts.acceptance}, std::move(done));
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
    spot_check.reset();
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
  if (is_running()) state_->pool.drop_all();
  state_->loop.cancel(state_->end_timer);
}

void Scanner::init(baseline::Writer& writer, OnDone on_done) {
  State& s = *state_;
  s.begin(
      Mode::Init,
      {.pool = s.pool, .tree = s.tree, .judge = s.judge, .writer = &writer, .digests = s.digests},
      std::move(on_done));
}

void Scanner::check(baseline::Reader& baseline, OnDone on_done, Resume* resume) {
  std::string digest = baseline.digest_hex();
  if (digest != state_->baseline_digest) state_->judge.forget();
  state_->baseline_digest = std::move(digest);
  State& s = *state_;
  // Whatever the settings say meanwhile: only digests of one kind can be compared.
  s.begin(Mode::Check,
          {.pool = s.pool,
           .tree = s.tree,
           .judge = s.judge,
           .reader = &baseline,
           .resume = resume,
           .digests = keep_digests(baseline.about().digests).measured},
          std::move(on_done));
}

void Scanner::update(Update update, OnDone on_done) {
  State& s = *state_;
  s.begin(Mode::Check,
          {.pool = s.pool,
           .tree = s.tree,
           .judge = s.judge,
           .writer = &update.writer,
           .reader = &update.old,
           .acceptance = &update.acceptance,
           .digests = update.acceptance.digests().measured},
          std::move(on_done));
}

void Scanner::update_some(Update update, const std::vector<std::string>& paths,
                          std::function<void(const std::string&)> on_unknown, OnDone on_done) {
  State& s = *state_;
  s.prepare(Mode::Check, {.acceptance = &update.acceptance}, std::move(on_done));
  s.spot_check.emplace(SpotCheck::Parts{.pool = s.pool,
                                        .tree = s.tree,
                                        .judge = s.judge,
                                        .writer = update.writer,
                                        .reader = update.old,
                                        .acceptance = update.acceptance},
                       std::move(on_unknown),
                       [&s](Result<void> result) { s.end(std::move(result)); });
  s.spot_check->begin(paths);
}

void Scanner::take_memory_of(Scanner& other) {
  assert(!other.is_running());
  state_->judge.take_memory_of(other.state_->judge);
  state_->baseline_digest = std::move(other.state_->baseline_digest);
}

bool Scanner::is_running() const { return state_->walk || state_->spot_check; }

Summary Scanner::so_far() const { return state_->judge.summary(); }

void Scanner::stop() {
  const Error why{Error::Kind::Refused, "the scan was stopped"};
  if (state_->walk) state_->walk->stop(why);
  if (state_->spot_check) state_->spot_check->stop(why);
}

}  // namespace samhain::scan
