// Load for a yule under measurement (test/bench/server.py sets it up and calls this):
//   server_load PORT reports COUNT SECONDS   acknowledged reports a second over COUNT connections
//   server_load PORT logins COUNT SECONDS    authentications a second
//   server_load PORT idle COUNT              holds COUNT connections until stdin ends
//   server_load PORT arrive COUNT            seconds until COUNT clients have authenticated
//   server_load PORT return COUNT            seconds until all have come back by RESUME
//   server_load PORT marks COUNT             seconds until each came back, reported once and left
//   server_load PORT latency COUNT SECONDS   milliseconds from report to acknowledgement, median
//   and
//                                            99th of 100, of one client beside COUNT silent ones
// Prints the figures on one line.  All but the first two say "ready" when they are set up, and go
// on at a byte on stdin.  Clients are called load0.bench.test and so on.

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
constexpr std::chrono::milliseconds kBetweenReports{5};
constexpr unsigned kMostOpening = 64;  ///< connections that authenticate at the same time

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

/// What all loads have in common: clients that connect a few at a time.
class Load {
 public:
  Load(sys::Loop& loop, const wire::TlsContext& tls, const sys::Address& server, const Plan& plan)
      : loop_(loop), tls_(tls), server_(server), plan_(plan), body_(sample_report()) {
    events_.on_open = [this](Member& member) { on_open(member); };
    events_.on_ack = [this](Member& member, std::uint64_t seq) { on_ack(member, seq); };
  }
  virtual ~Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  virtual void begin() {
    members_.resize(plan_.connections);
    connect_all();
  }
  /// Says "ready" and goes on at a byte, or the end, on stdin.
  virtual bool waits() const { return true; }
  virtual void go_on() { loop_.stop(); }

 protected:
  virtual void on_all_open() = 0;
  virtual void on_ack(Member&, std::uint64_t) {}
  virtual void on_open(Member&) {
    ++open_;
    connect_more();
    if (open_ == plan_.connections) on_all_open();
  }

  void connect_all() {
    begun_ = open_ = 0;
    begun_at_ = steady_clock::now();
    connect_more();
  }
  void connect_more() {
    while (begun_ < plan_.connections && begun_ - open_ < kMostOpening) connect(begun_++);
  }
  void connect(unsigned number) {
    if (!members_[number]) members_[number] = make(number);
    members_[number]->connect();
  }
  std::unique_ptr<Member> make(unsigned number) {
    return std::make_unique<Member>(loop_, tls_, server_, number, events_);
  }
  double seconds_passed() const {
    return std::chrono::duration<double>(steady_clock::now() - begun_at_).count();
  }
  static void say_ready() {
    fmt::print("ready\n");
    (void)std::fflush(stdout);
  }
  void finish(const std::string& figures) {
    fmt::print("{}\n", figures);
    loop_.stop();
  }

  sys::Loop& loop_;
  const wire::TlsContext& tls_;
  const sys::Address& server_;
  const Plan& plan_;
  Bytes body_;
  Member::Events events_;
  std::vector<std::unique_ptr<Member>> members_;
  unsigned begun_ = 0;
  unsigned open_ = 0;
  steady_clock::time_point begun_at_;
};

class Reports final : public Load {
 public:
  using Load::Load;
  bool waits() const override { return false; }

 private:
  void on_all_open() override {
    acknowledged_.resize(plan_.connections);
    begun_at_ = steady_clock::now();
    loop_.after(plan_.duration, [this] {
      finish(fmt::format("{:.1f}", static_cast<double>(total_) / seconds_passed()));
    });
    for (const auto& one : members_) fill(*one);
  }
  void on_ack(Member& member, std::uint64_t seq) override {
    std::uint64_t& known = acknowledged_[member.number()];
    total_ += seq - known;
    known = seq;
    fill(member);
  }
  void fill(Member& member) {
    const std::uint64_t window = std::max<std::uint64_t>(kInFlight / plan_.connections, 64);
    while (member.sent() - acknowledged_[member.number()] < window) member.report(body_);
    member.pump();
  }
  std::vector<std::uint64_t> acknowledged_;
  std::uint64_t total_ = 0;
};

/// Each client that is in gives way to a new process of it.
class Logins final : public Load {
 public:
  using Load::Load;
  bool waits() const override { return false; }
  void begin() override {
    loop_.after(plan_.duration, [this] {
      finish(fmt::format("{:.1f}", static_cast<double>(done_) / seconds_passed()));
    });
    Load::begin();
  }

 private:
  void on_all_open() override {}
  void on_open(Member& member) override {
    ++done_;
    ++open_;
    connect_more();
    loop_.soon([this, number = member.number()] {
      members_[number] = make(number);
      members_[number]->connect();
    });
  }
  std::uint64_t done_ = 0;
};

class Idle final : public Load {
 public:
  using Load::Load;

 private:
  void on_all_open() override { say_ready(); }
};

class Arrive final : public Load {
 public:
  using Load::Load;
  void begin() override { say_ready(); }
  void go_on() override { Load::begin(); }

 private:
  void on_all_open() override { finish(fmt::format("{:.2f}", seconds_passed())); }
};

/// Clients that were in before come back.
class Return final : public Load {
 public:
  using Load::Load;
  void go_on() override {
    for (const auto& member : members_) member->hang_up();
    is_returning_ = true;
    connect_all();
  }

 private:
  void on_all_open() override {
    if (is_returning_) return finish(fmt::format("{:.2f}", seconds_passed()));
    say_ready();
  }
  bool is_returning_ = false;
};

/// What a client does that has nothing but a mark to say: comes back, says it, leaves.
class Marks final : public Load {
 public:
  using Load::Load;
  void go_on() override {
    is_returning_ = true;
    connect_all();
  }

 private:
  void on_open(Member& member) override {
    if (!is_returning_) return Load::on_open(member);
    member.report(body_);
    member.pump();
  }
  void on_all_open() override {
    loop_.soon([this] {
      for (const auto& member : members_) member->hang_up();
      say_ready();
    });
  }
  void on_ack(Member& member, std::uint64_t) override {
    loop_.soon([this, &member] {
      member.hang_up();
      ++open_;
      connect_more();
      if (open_ == plan_.connections) finish(fmt::format("{:.2f}", seconds_passed()));
    });
  }
  bool is_returning_ = false;
};

/// One client among many that are silent: how long until its report is on the server's disk?
class Latency final : public Load {
 public:
  using Load::Load;
  void go_on() override {
    loop_.after(plan_.duration, [this] { is_over_ = true; });
    report();
  }

 private:
  void on_all_open() override { say_ready(); }
  void report() {
    reported_at_ = steady_clock::now();
    members_.front()->report(body_);
    members_.front()->pump();
  }
  void on_ack(Member&, std::uint64_t) override {
    const std::chrono::duration<double, std::milli> took = steady_clock::now() - reported_at_;
    took_ms_.push_back(took.count());
    if (!is_over_) return (void)loop_.after(kBetweenReports, [this] { report(); });
    std::sort(took_ms_.begin(), took_ms_.end());
    finish(fmt::format("{:.2f} {:.2f}", took_ms_[took_ms_.size() / 2],
                       took_ms_[took_ms_.size() * 99 / 100]));
  }
  steady_clock::time_point reported_at_;
  std::vector<double> took_ms_;
  bool is_over_ = false;
};

bool is_timed(std::string_view mode) {
  return mode == "reports" || mode == "logins" || mode == "latency";
}

Plan plan_of(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const std::size_t wanted = words.size() > 1 && is_timed(words[1]) ? 4 : 3;
  if (words.size() != wanted) give_up("usage: server_load PORT MODE COUNT [SECONDS]");
  const auto port = base::to_number<std::uint16_t>(words[0]);
  const auto connections = base::to_number<unsigned>(words[2]);
  const auto seconds = base::to_number<unsigned>(wanted == 4 ? words[3] : "0");
  if (!port || !connections || *connections == 0 || !seconds) give_up("not a number");
  return Plan{*port, words[1], *connections, std::chrono::seconds{*seconds}};
}

template <class... Parts>
std::unique_ptr<Load> load_of(std::string_view mode, Parts&... parts) {
  if (mode == "reports") return std::make_unique<Reports>(parts...);
  if (mode == "logins") return std::make_unique<Logins>(parts...);
  if (mode == "idle") return std::make_unique<Idle>(parts...);
  if (mode == "arrive") return std::make_unique<Arrive>(parts...);
  if (mode == "return") return std::make_unique<Return>(parts...);
  if (mode == "marks") return std::make_unique<Marks>(parts...);
  if (mode == "latency") return std::make_unique<Latency>(parts...);
  give_up("no such mode");
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up("setrlimit");
}

void wait_for_word(sys::Loop& loop, Load& load) {
  auto watching = loop.watch(STDIN_FILENO, EPOLLIN | EPOLLHUP, [&](std::uint32_t) {
    loop.forget(STDIN_FILENO);
    load.go_on();
  });
  if (!watching) give_up(watching.error().text());
}

int run(const Plan& plan) {
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) give_up("signal");
  crypto::prepare();
  raise_descriptor_limit();
  auto loop = sys::Loop::create();
  auto tls = wire::TlsContext::client();
  const auto server = sys::Address::parse("127.0.0.1", plan.port);
  if (!loop || !tls || !server) give_up("cannot set up");
  const auto load = load_of(plan.mode, **loop, *tls, *server, plan);
  if (load->waits()) wait_for_word(**loop, *load);
  load->begin();
  (*loop)->run();
  return 0;
}

}  // namespace
}  // namespace samhain::bench

int main(int argc, char** argv) { return samhain::bench::run(samhain::bench::plan_of(argc, argv)); }
