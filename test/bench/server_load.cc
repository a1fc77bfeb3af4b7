// Load for a yule under measurement (test/bench/server.py sets it up and calls this):
//   server_load PORT reports CONNECTIONS SECONDS   acknowledged reports a second
//   server_load PORT logins CONNECTIONS SECONDS    authentications a second
//   server_load PORT idle CONNECTIONS              says "ready" and holds them until stdin ends
// Prints one number a line.  Clients are called load0.bench.test and so on.

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "crypto/prepare.h"
#include "member.h"
#include "report/catalog.h"
#include "report/codec.h"

namespace samhain::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kInFlight = 16'384;  ///< reports not acknowledged, over all connections
constexpr unsigned kMostOpening = 64;        ///< connections that authenticate at the same time

struct Plan {
  std::uint16_t port = 0;
  std::string_view mode;
  unsigned connections = 1;
  std::chrono::seconds duration{5};
};

/// A change of one file, as long as such reports are.
Bytes sample_report() {
  Report report;
  report.severity = Severity::Crit;
  report.event_class = EventClass::Event;
  report.time_ns = 1'795'378'757'000'000'000;
  report.fields = {{"msg", "POLICY [ReadOnly] C-------TS"},
                   {"path", "/usr/lib/x86_64-linux-gnu/libexample.so.1.2.3"},
                   {"size_old", "183560"},
                   {"size_new", "183784"},
                   {"ctime_old", "[2026-11-22T20:07:24]"},
                   {"ctime_new", "[2026-11-22T20:22:40]"},
                   {"mtime_old", "[2026-11-22T20:07:24]"},
                   {"mtime_new", "[2026-11-22T20:22:40]"},
                   {"chksum_old", std::string(64, 'a')},
                   {"chksum_new", std::string(64, 'b')}};
  return report::encode(report);
}

/// Opens connections a few at a time and does with them what the mode says.
class Driver {
 public:
  Driver(sys::Loop& loop, const wire::TlsContext& tls, const sys::Address& server, const Plan& plan)
      : loop_(loop), tls_(tls), server_(server), plan_(plan), body_(sample_report()) {
    events_.on_open = [this](Member& member) { on_open(member); };
    events_.on_ack = [this](Member& member, std::uint64_t seq) { on_ack(member, seq); };
  }

  void begin() {
    members_.resize(plan_.connections);
    acknowledged_.resize(plan_.connections);
    if (plan_.mode == "logins") start_clock();
    open_more();
  }

 private:
  bool is_logins() const { return plan_.mode == "logins"; }

  void open_more() {
    while (begun_ < plan_.connections && begun_ - opened_ < kMostOpening) open_one(begun_++);
  }

  void open_one(unsigned number) {
    members_[number] = std::make_unique<Member>(loop_, tls_, server_,
                                                fmt::format("load{}.bench.test", number), events_);
    members_[number]->connect();
  }

  unsigned number_of(const Member& member) const {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const auto& one) { return one.get() == &member; });
    return static_cast<unsigned>(found - members_.begin());
  }

  void on_open(Member& member) {
    ++opened_;
    if (is_logins()) {
      // Not inside the member's own handler: the next connection takes its place.
      const unsigned number = number_of(member);
      loop_.soon([this, number] { open_one(number); });
      if (opened_ < plan_.connections) open_more();
      return;
    }
    open_more();
    if (opened_ < plan_.connections) return;
    if (plan_.mode == "idle") {
      fmt::print("ready\n");
      std::fflush(stdout);
      return;
    }
    start_clock();
    for (const auto& one : members_) fill(*one);
  }

  void fill(Member& member) {
    const unsigned number = number_of(member);
    const std::uint64_t window = std::max<std::uint64_t>(kInFlight / plan_.connections, 64);
    while (member.sent() - acknowledged_[number] < window) member.report(body_);
    member.pump();
  }

  void on_ack(Member& member, std::uint64_t seq) {
    std::uint64_t& known = acknowledged_[number_of(member)];
    total_ += seq - known;
    known = seq;
    fill(member);
  }

  void start_clock() {
    begun_at_ = steady_clock::now();
    counted_from_ = is_logins() ? opened_ : total_;
    loop_.after(plan_.duration, [this] { finish(); });
  }

  void finish() {
    const std::chrono::duration<double> passed = steady_clock::now() - begun_at_;
    const std::uint64_t done = (is_logins() ? opened_ : total_) - counted_from_;
    fmt::print("{:.1f}\n", static_cast<double>(done) / passed.count());
    loop_.stop();
  }

  sys::Loop& loop_;
  const wire::TlsContext& tls_;
  const sys::Address& server_;
  const Plan& plan_;
  Bytes body_;
  Member::Events events_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::uint64_t> acknowledged_;
  unsigned begun_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t counted_from_ = 0;
  steady_clock::time_point begun_at_;
};

Plan plan_of(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const bool is_idle = words.size() == 3 && words[1] == "idle";
  const bool is_timed = words.size() == 4 && (words[1] == "reports" || words[1] == "logins");
  if (!is_idle && !is_timed) give_up("usage: server_load PORT reports|logins|idle COUNT [SECONDS]");
  const auto port = base::to_number<std::uint16_t>(words[0]);
  const auto connections = base::to_number<unsigned>(words[2]);
  const auto seconds = base::to_number<unsigned>(is_timed ? words[3] : "0");
  if (!port || !connections || *connections == 0 || !seconds) give_up("not a number");
  return Plan{*port, words[1], *connections, std::chrono::seconds{*seconds}};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up("setrlimit");
}

int run(const Plan& plan) {
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) give_up("signal");
  crypto::prepare();
  raise_descriptor_limit();
  auto loop = sys::Loop::create();
  auto tls = wire::TlsContext::client();
  const auto server = sys::Address::parse("127.0.0.1", plan.port);
  if (!loop || !tls || !server) give_up("cannot set up");
  Driver driver(**loop, *tls, *server, plan);
  if (plan.mode == "idle") {
    auto watching = (*loop)->watch(STDIN_FILENO, EPOLLIN | EPOLLHUP,
                                   [&loop](std::uint32_t) { (*loop)->stop(); });
    if (!watching) give_up(watching.error().text());
  }
  driver.begin();
  (*loop)->run();
  return 0;
}

}  // namespace
}  // namespace samhain::bench

int main(int argc, char** argv) { return samhain::bench::run(samhain::bench::plan_of(argc, argv)); }
