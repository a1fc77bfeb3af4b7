#include "agent/verify.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "agent/capabilities.h"
#include "agent/credentials.h"
#include "agent/outlets.h"
#include "base/clock.h"
#include "base/die.h"
#include "baseline/baseline.h"
#include "scan/judge.h"
#include "scan/measurer_pool.h"
#include "scan/verification.h"
#include "sys/loop.h"
#include "sys/sandbox.h"

namespace samhain::agent {
namespace {

/// For the measurers to lock themselves in, as in a run.
constexpr std::chrono::seconds kStartLimit{60};

int fail(const std::string& why) {
  (void)std::fputs(fmt::format("ERROR: {}\n", why).c_str(), stderr);
  return 1;
}

/// Everything of one verification, driven by its loop.
class Verifier {
 public:
  Verifier(sys::Loop& loop, const base::Clock& clock, Outlets& outlets, baseline::Reader& reader)
      : loop_(loop),
        outlets_(outlets),
        judge_(clock, scan::Settings{}, [&outlets](Report&& report) { outlets.submit(report); }),
        reader_(reader) {}

  Result<void> run() {
    scan::MeasurerPool::Settings settings;
    settings.on_trouble = [this](const Error& error) { outlets_.note_down("measurer", error); };
    auto pool =
        scan::MeasurerPool::start(loop_, std::move(settings), [this](std::string_view missing) {
          outlets_.note_barriers("measurer", missing);
          begin_when_ready();
        });
    if (!pool) return pool.error();
    pool_ = *std::move(pool);
    start_timer_ = loop_.after(kStartLimit, [this] {
      end(Error{Error::Kind::Timeout, "not all of its processes could be started"});
    });
    loop_.soon([this] { begin_when_ready(); });
    loop_.run();
    return std::move(result_);
  }
  bool is_clean() const { return findings_ == 0; }

 private:
  void begin_when_ready() {
    if (!pool_ || !pool_->is_ready() || verification_) return;
    loop_.cancel(start_timer_);
    using Capabilities = std::span<const unsigned>;
    const auto restrained =
        sys::restrain_parent(geteuid() == 0 ? Capabilities{kScannerCapabilities} : Capabilities{});
    if (!restrained) return end(restrained.error());
    judge_.begin(scan::Mode::Check, pool_->deadline());
    verification_.emplace(*pool_, reader_, judge_,
                          [this](Result<void> result) { end(std::move(result)); });
    verification_->begin();
  }

  void end(Result<void> result) {
    result_ = std::move(result);
    findings_ = judge_.summary().findings + judge_.summary().errors;
    loop_.stop();
  }

  sys::Loop& loop_;
  Outlets& outlets_;
  scan::Judge judge_;
  baseline::Reader& reader_;
  std::unique_ptr<scan::MeasurerPool> pool_;
  std::optional<scan::Verification> verification_;
  sys::Loop::Timer start_timer_ = 0;
  Result<void> result_;
  std::uint64_t findings_ = 0;
};

}  // namespace

int verify_baseline(const Options& options) {
  umask(077);
  const std::string& path = options.operand;
  const auto key = baseline::load_key(path);
  if (!key) return fail(fmt::format("can't verify {}: {}", path, key.error().text()));
  auto reader = baseline::Reader::open(path, *key);
  if (!reader) return fail(fmt::format("can't verify {}: {}", path, reader.error().text()));

  const base::SystemClock clock;
  auto loop = sys::Loop::create();
  if (!loop) base::die(loop.error().text());
  Credentials credentials;
  Outlets outlets{**loop, clock, credentials,
                  options.print_threshold.value_or(SeveritySet::from(Severity::Info)),
                  Outlets::kPatienceOfWatched};
  Verifier verifier{**loop, clock, outlets, **reader};
  const auto done = verifier.run();
  outlets.flush();
  if (!done) return fail(fmt::format("can't verify {}: {}", path, done.error().text()));
  return verifier.is_clean() ? 0 : 1;
}

}  // namespace samhain::agent
