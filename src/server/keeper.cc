#include "server/keeper.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "server/acceptor.h"
#include "server/control.h"
#include "server/handshakes.h"
#include "server/intake.h"
#include "server/status.h"

namespace samhain::server {
namespace {

constexpr std::size_t kResolvers = Lookups::kJudges + 2;
constexpr std::chrono::seconds kPatienceAtStart{30};
constexpr std::chrono::seconds kOverdueInterval{3};
constexpr std::size_t kMostConnections = 65'536;
constexpr std::size_t kOwnDescriptors = 64;  ///< of a front, besides its connections
constexpr std::string_view kProgram = "Yule";

std::size_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

/// All fronts together, as far as their descriptors reach.
std::size_t max_connections(std::size_t fronts) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * kOwnDescriptors) {
    return kOwnDescriptors;
  }
  return static_cast<std::size_t>(std::min<rlim_t>(
      kMostConnections, static_cast<rlim_t>(fronts) * (limit.rlim_cur - kOwnDescriptors)));
}

/// A sink that somebody else owns: routes are made anew when thresholds and forms change.
class Borrowed final : public sink::Sink {
 public:
  explicit Borrowed(sink::Sink& inner) : inner_(inner) {}
  std::string_view service() const override { return inner_.service(); }
  std::string object() const override { return inner_.object(); }
  Result<void> write(const Report& report) override { return inner_.write(report); }
  Result<void> flush() override { return inner_.flush(); }
  std::vector<Report> explain(const Error& error, std::int64_t time_ns) const override {
    return inner_.explain(error, time_ns);
  }

 private:
  sink::Sink& inner_;
};

}  // namespace

/// Everything the keeper holds, in the order in which it needs one another.
struct Keeper::Parts {
  Parts(const base::Clock& used_clock, std::unique_ptr<sys::Loop> used_loop, Ground prepared);

  Result<void> start();
  Result<void> start_fronts();
  Result<void> start_gates();
  Result<void> start_resolvers();
  void build(std::vector<UniqueFd> listeners);
  Result<void> watch_signals();
  void open_sinks();
  void say_start();
  void go_live();
  void repeat(std::chrono::seconds interval, sys::Loop::Callback callback);
  void stamp_later();

  bool take_from_front(std::size_t front, std::uint16_t kind, ByteView payload);
  bool take_report(std::size_t front, ByteView payload);
  void on_gone(Connection& connection, Departure departure);
  void on_ready(const RoleGroup* group, std::string_view missing);
  void note_barriers(std::string_view role, std::string_view missing);
  void on_down(std::string_view role, const Error& why);

  void end_round();
  void tell_overdue();
  void reload();
  void apply(Settings next);
  void toggle_console();
  void toggle_suspension();
  void finish(std::string_view status);
  void fail(std::string_view why);
  std::optional<std::string> answer(std::string_view command) const;
  std::string status() const;

  const base::Clock& clock;
  std::unique_ptr<sys::Loop> loop;
  Ground ground;
  Settings settings;
  sink::Dispatcher dispatcher;
  Notices notices;
  std::optional<sink::Console> console;
  Tally tally;
  Roster roster;
  Limiter limiter;
  Lookups lookups;
  NameCheck name_check;
  std::unique_ptr<RoleGroup> fronts;
  std::unique_ptr<RoleGroup> gates;
  std::unique_ptr<RoleGroup> resolvers;
  std::unique_ptr<Connections> connections;
  std::unique_ptr<Guard> guard;
  std::unique_ptr<Handshakes> handshakes;
  std::unique_ptr<Intake> intake;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<Control> control;

  std::set<std::string> told_barriers;
  std::int64_t started_ns = 0;
  bool is_live = false;
  bool is_verbose = false;
  bool is_suspended = false;
  bool is_finished = false;
  int exit_status = 0;
};

Keeper::Parts::Parts(const base::Clock& used_clock, std::unique_ptr<sys::Loop> used_loop,
                     Ground prepared)
    : clock(used_clock),
      loop(std::move(used_loop)),
      ground(std::move(prepared)),
      settings(std::move(ground.config.loaded.settings)),
      dispatcher(clock),
      notices(clock, dispatcher),
      limiter(clock, settings.max_failed_attempts),
      lookups(*loop, clock),
      name_check(clock, lookups, notices),
      started_ns(clock.now_ns()) {}

Result<void> Keeper::Parts::start() {
  open_sinks();
  say_start();
  name_check.set_severity(settings.lookup_severity);
  roster.replace(settings.clients);
  if (auto watched = watch_signals(); !watched) return watched;
  if (auto started = start_fronts(); !started) return started;
  if (auto started = start_gates(); !started) return started;
  if (auto started = start_resolvers(); !started) return started;
  lookups.open(*resolvers);
  build(std::move(ground.listeners));
  if (ground.control_listener) {
    control = std::make_unique<Control>(
        *loop, notices, [this](std::string_view command) { return answer(command); });
    control->allow(settings.socket_uid);
    if (auto opened = control->open(std::move(ground.control_listener)); !opened) return opened;
  }
  loop->on_round_end([this] { end_round(); });
  loop->after(kPatienceAtStart, [this] {
    if (!is_live) fail("the roles are not ready in time");
  });
  return {};
}

void Keeper::Parts::build(std::vector<UniqueFd> listeners) {
  connections = std::make_unique<Connections>(
      *fronts, [this](Connection& connection) { handshakes->abandon(connection); });
  guard = std::make_unique<Guard>(clock, limiter, notices, *connections, tally);
  handshakes = std::make_unique<Handshakes>(
      Handshakes::Parts{clock, settings, roster, *ground.journal, *connections, *gates, lookups,
                        name_check, *guard, notices, tally});
  intake = std::make_unique<Intake>(Intake::Parts{
      clock, settings, roster, *ground.journal, dispatcher, *connections, *guard, notices, tally});
  acceptor = std::make_unique<Acceptor>(
      Acceptor::Parts{*loop, settings, *connections, lookups, limiter, notices, tally},
      std::move(listeners), max_connections(fronts->size()));
}

Result<void> Keeper::Parts::start_fronts() {
  RoleGroup::Plan plan;
  plan.name = "front";
  plan.count = cores();
  plan.rules = kFromFront;
  plan.set_up = [this] { return encode(settings.front); };
  plan.on_message = [this](std::size_t front, std::uint16_t kind, ByteView payload) {
    return take_from_front(front, kind, payload);
  };
  plan.on_ready = [this](std::size_t, std::string_view missing) {
    on_ready(fronts.get(), missing);
  };
  plan.on_down = [this](std::size_t front, const Error& why) {
    if (connections) connections->forget_front(front);
    on_down("front", why);
  };
  auto group = RoleGroup::start(*loop, std::move(plan));
  if (!group) return group.error();
  fronts = std::move(*group);
  return {};
}

Result<void> Keeper::Parts::start_gates() {
  RoleGroup::Plan plan;
  plan.name = "gate";
  plan.count = cores();
  plan.rules = kFromGate;
  plan.set_up = [] { return Bytes{}; };
  plan.on_message = [this](std::size_t gate, std::uint16_t kind, ByteView payload) {
    return handshakes->take(gate, kind, payload);
  };
  plan.on_ready = [this](std::size_t, std::string_view missing) { on_ready(gates.get(), missing); };
  plan.on_down = [this](std::size_t gate, const Error& why) {
    if (handshakes) handshakes->forget_gate(gate);
    on_down("gate", why);
  };
  auto group = RoleGroup::start(*loop, std::move(plan));
  if (!group) return group.error();
  gates = std::move(*group);
  return {};
}

Result<void> Keeper::Parts::start_resolvers() {
  RoleGroup::Plan plan;
  plan.name = "resolver";
  plan.count = kResolvers;
  plan.rules = kFromResolver;
  plan.set_up = [] { return Bytes{}; };
  plan.on_message = [this](std::size_t resolver, std::uint16_t kind, ByteView payload) {
    return lookups.take(resolver, kind, payload);
  };
  plan.on_ready = [this](std::size_t resolver, std::string_view missing) {
    if (is_live) lookups.on_ready(resolver);
    on_ready(resolvers.get(), missing);
  };
  plan.on_down = [this](std::size_t resolver, const Error& why) {
    lookups.on_down(resolver);
    on_down("resolver", why);
  };
  auto group = RoleGroup::start(*loop, std::move(plan));
  if (!group) return group.error();
  resolvers = std::move(*group);
  return {};
}

Result<void> Keeper::Parts::watch_signals() {
  const std::pair<int, sys::Loop::Callback> actions[] = {
      {SIGTERM, [this] { finish("SIGTERM"); }}, {SIGINT, [this] { finish("SIGTERM"); }},
      {SIGQUIT, [this] { finish("SIGQUIT"); }}, {SIGHUP, [this] { reload(); }},
      {SIGUSR1, [this] { toggle_console(); }},  {SIGUSR2, [this] { toggle_suspension(); }}};
  for (const auto& [signal_number, action] : actions) {
    if (auto watched = loop->on_signal(signal_number, action); !watched) return watched;
  }
  return {};
}

void Keeper::Parts::open_sinks() {
  dispatcher.flush();
  dispatcher.clear();
  console.emplace(STDERR_FILENO, settings.print_form);
  const SeveritySet print = is_verbose
                                ? SeveritySet::from(Severity::Debug)
                                : ground.options.print_threshold.value_or(settings.print_threshold);
  dispatcher.add(std::make_unique<Borrowed>(*console), print, true);
  dispatcher.add(std::make_unique<Borrowed>(*ground.journal),
                 ground.options.log_threshold.value_or(settings.log_threshold), true);
}

void Keeper::Parts::say_start() {
  notices.tell(report::kStart, {{"program", std::string{kProgram}},
                                {"userid", std::to_string(geteuid())},
                                {"path", settings.hides_setup ? "(hidden)" : ground.config.path},
                                {"hash", ground.config.digest}});
  for (const config::Problem& problem : ground.config.loaded.problems) {
    notices.tell(report_of(problem, ground.config.path, clock.now_ns()));
  }
  note_barriers("keeper", ground.missing_barriers);
}

/// Not every role announces itself before its group is stored: all must be there and ready.
void Keeper::Parts::on_ready(const RoleGroup* group, std::string_view missing) {
  if (group != nullptr) note_barriers(group->name(), missing);
  if (is_live || !fronts || !gates || !resolvers) return;
  if (fronts->is_ready() && gates->is_ready() && resolvers->is_ready()) go_live();
}

void Keeper::Parts::note_barriers(std::string_view role, std::string_view missing) {
  if (missing.empty() || !told_barriers.insert(fmt::format("{} {}", role, missing)).second) return;
  notices.tell(report::kBarriersMissing,
               {{"role", std::string{role}}, {"missing", std::string{missing}}});
}

void Keeper::Parts::go_live() {
  is_live = true;
  if (auto started = acceptor->start(); !started) return fail(started.error().text());
  notices.tell_filled(report::kServerUp, {std::to_string(max_connections(fronts->size()))},
                      {{"socket_id", std::to_string(acceptor->socket_id())}});
  repeat(kOverdueInterval, [this] { tell_overdue(); });
  stamp_later();
  intake->commit();
  if (ground.detached) ground.detached->ready();
}

void Keeper::Parts::repeat(std::chrono::seconds interval, sys::Loop::Callback callback) {
  loop->after(interval, [this, interval, callback] {
    callback();
    repeat(interval, callback);
  });
}

/// The interval may change at a reload; 0 means none, but the question comes up again.
void Keeper::Parts::stamp_later() {
  const bool is_on = settings.loop_time.count() > 0;
  loop->after(is_on ? settings.loop_time : kOverdueInterval, [this, is_on] {
    if (is_on) notices.tell(report::kTimestamp);
    stamp_later();
  });
}

void Keeper::Parts::on_down(std::string_view role, const Error& why) {
  if (is_finished) return;  // the same signal reached it, too
  notices.tell(report::kRoleDown, {{"role", std::string{role}}, {"reason", why.text()}});
  if (!is_live) fail(fmt::format("role {} does not start: {}", role, why.text()));
}

bool Keeper::Parts::take_from_front(std::size_t front, std::uint16_t kind, ByteView payload) {
  if (kind == kReport) return take_report(front, payload);
  const auto about = decode_about(payload);
  if (!about) return false;
  Connection* connection = connections->find(about->connection);
  if (connection == nullptr) return true;  // we closed it, the front did not know yet
  if (connection->stage == Stage::Judged || connection->front != front) return false;

  switch (kind) {
    case kHello:
      handshakes->on_hello(*connection, about->rest);
      return true;
    case kGone: {
      const std::uint8_t departure = about->rest[0];
      if (departure < static_cast<std::uint8_t>(Departure::Closed) ||
          departure > static_cast<std::uint8_t>(Departure::FrameTimeout)) {
        return false;
      }
      on_gone(*connection, static_cast<Departure>(departure));
      return true;
    }
    case kViolation: {
      const auto complaint = decode_complaint(payload);
      if (complaint) guard->violated(*connection, complaint->reason);
      return complaint.has_value();
    }
    default: {
      const auto bound = decode_bound(payload);
      if (!bound) return false;
      if (kind == kProof) handshakes->on_proof(*connection, *bound);
      if (kind == kResume) handshakes->on_resume(*connection, *bound);
      return true;
    }
  }
}

bool Keeper::Parts::take_report(std::size_t front, ByteView payload) {
  const auto about = decode_about(payload);
  if (!about) return false;
  Connection* connection = connections->find(about->connection);
  if (connection == nullptr) return true;
  if (connection->stage == Stage::Judged || connection->front != front) return false;
  intake->on_report(*connection, about->rest);
  return true;
}

void Keeper::Parts::on_gone(Connection& connection, Departure departure) {
  switch (departure) {
    case Departure::Closed:
      break;
    case Departure::Reset:
      notices.tell(report::kConnectionReset, {{"client", connection.shown_name()}});
      break;
    case Departure::HandshakeTimeout:
    case Departure::FrameTimeout:
      notices.tell(report::kConnectionTimeout, {{"client", connection.shown_name()}});
      break;
  }
  connections->forget(connection);
}

void Keeper::Parts::end_round() {
  if (!is_live || is_finished) return;
  if (auto adjusted = acceptor->adjust(); !adjusted) return fail(adjusted.error().text());
  intake->commit();
}

void Keeper::Parts::tell_overdue() {
  if (settings.client_time_limit.count() == 0 || is_suspended) return;
  for (const Client* client : roster.find_overdue(clock.now_ns(), settings.client_time_limit)) {
    notices.tell(report::kTimeLimitExceeded, {{"client", client->name()}});
  }
}

/// All or nothing: a mistake leaves everything as it is.
void Keeper::Parts::reload() {
  ConfigFailure failure;
  auto file = read_config(ground.source, clock.now_ns(), failure);
  if (file) {
    for (const config::Problem& problem : file->loaded.problems) {
      notices.tell(report_of(problem, file->path, clock.now_ns()));
    }
    if (has_mistake(file->loaded.problems)) failure.reason = "it has mistakes, named before";
  }
  if (!failure.reason.empty()) {
    notices.tell(report::kOldConfigurationStays,
                 {{"path", ground.source.path}, {"reason", failure.reason}});
    return;
  }
  ground.config.digest = file->digest;
  apply(std::move(file->loaded.settings));
  notices.tell(report::kReloaded);
}

void Keeper::Parts::apply(Settings next) {
  const auto& remaining = next.clients;
  connections->close_where([&remaining](const Connection& connection) {
    return connection.client != nullptr && !remaining.contains(connection.client->name());
  });
  settings = std::move(next);
  roster.replace(settings.clients);
  limiter.set_limit(settings.max_failed_attempts);
  name_check.set_severity(settings.lookup_severity);
  lookups.clear_cache();
  if (control) control->allow(settings.socket_uid);
  ground.journal->adjust(settings.log_form, settings.trusted);
  open_sinks();
}

void Keeper::Parts::toggle_console() {
  is_verbose = !is_verbose;
  open_sinks();
}

/// Clients wait in the backlog, or come back later: what they have to say stays in their spools.
void Keeper::Parts::toggle_suspension() {
  if (!is_live) return;
  is_suspended = !is_suspended;
  if (!is_suspended) return acceptor->resume();
  acceptor->pause();
  connections->close_where([](const Connection&) { return true; });
  notices.tell(report::kSuspend, {{"program", std::string{kProgram}}});
}

void Keeper::Parts::finish(std::string_view status) {
  if (std::exchange(is_finished, true)) return;
  if (acceptor) acceptor->pause();
  dispatcher.flush();
  notices.tell(report::kExit,
               {{"program", std::string{kProgram}}, {"status", std::string{status}}});
  dispatcher.flush();
  if (auto compacted = ground.journal->ledger().compact(); !compacted) {
    notices.tell_filled(report::kCallFailed, {compacted.error().text()},
                        {{"interface", "ledger"}, {"path", ground.journal->object()}});
  }
  if (ground.pid_file) ground.pid_file->remove();
  (void)unlink(settings.socket_path.c_str());  // where the directory lets us
  loop->stop();
}

void Keeper::Parts::fail(std::string_view why) {
  (void)fmt::print(stderr, "yule: {}\n", why);
  exit_status = 1;
  finish("exit_failure");
}

std::optional<std::string> Keeper::Parts::answer(std::string_view command) const {
  if (command == "LIST") return list_of(roster);
  if (command == "STATUS") return status();
  return std::nullopt;
}

std::string Keeper::Parts::status() const {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  StatusLines lines = {{"version", PACKAGE_VERSION},
                       {"uptime_s", std::to_string((clock.now_ns() - started_ns) / kNanoseconds)},
                       {"user", std::to_string(geteuid())},
                       {"pid", std::to_string(getpid())}};
  for (const RoleGroup* group : {fronts.get(), gates.get(), resolvers.get()}) {
    for (std::size_t i = 0; i < group->size(); ++i) {
      lines.emplace_back(fmt::format("pid_{}_{}", group->name(), i), std::to_string(group->pid(i)));
    }
  }
  lines.emplace_back("port", std::to_string(settings.port));
  lines.emplace_back("clients", std::to_string(roster.clients().size()));
  lines.emplace_back("connections_open", std::to_string(connections->size()));
  lines.emplace_back("connections_authenticated", std::to_string(connections->members()));
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"connections", tally.connections},
      {"refused_by_libwrap", tally.refused_by_libwrap},
      {"authenticated", tally.authenticated},
      {"resumed", tally.resumed},
      {"not_registered", tally.not_registered},
      {"wrong_password", tally.wrong_proofs},
      {"too_many_attempts", tally.too_many_attempts},
      {"violations", tally.violations},
      {"reports", tally.reports},
      {"duplicates", tally.duplicates}};
  for (const auto& [key, count] : counts) {
    lines.emplace_back(std::string{key}, std::to_string(count));
  }
  lines.emplace_back("suspended", is_suspended ? "yes" : "no");
  lines.emplace_back("log", ground.journal->object());
  lines.emplace_back("log_is_written", ground.journal->has_failed() ? "no" : "yes");
  return status_of(lines);
}

Keeper::Keeper(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Keeper::~Keeper() = default;

Result<std::unique_ptr<Keeper>> Keeper::create(const base::Clock& clock, Ground ground) {
  auto loop = sys::Loop::create();
  if (!loop) return loop.error();
  std::unique_ptr<Keeper> keeper(
      new Keeper(std::make_unique<Parts>(clock, std::move(*loop), std::move(ground))));
  if (auto started = keeper->parts_->start(); !started) return started.error();
  return keeper;
}

int Keeper::run() {
  parts_->loop->run();
  return parts_->exit_status;
}

}  // namespace samhain::server
