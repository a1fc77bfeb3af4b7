#include "server/keeper.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "server/keeper_parts.h"
#include "sys/memory.h"

namespace samhain::server {
namespace {

constexpr std::size_t kResolvers = Lookups::kJudges + 2;
constexpr std::chrono::seconds kPatienceAtStart{30};
constexpr std::chrono::seconds kOverdueInterval{1};
/// Confirmations may be forgotten for so long in a crash: the client confirms again then.
constexpr std::chrono::seconds kSaveInterval{1};
constexpr std::chrono::seconds kStuckInterval{1};
constexpr std::chrono::seconds kVisitInterval{1};
/// For clients, after we were away; all of them have tried again by then.
constexpr std::chrono::seconds kTimeToComeBack{300};
constexpr std::size_t kMostConnections = 65'536;
constexpr std::size_t kOwnDescriptors =  ///< of a front, besides its connections
    64 + Files::kMaxTransfers + Uploads::kMaxUploads;
constexpr std::size_t kFewConnections = 64;

std::size_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

/// All fronts together, as far as their descriptors reach.
std::size_t max_connections(std::size_t fronts) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * kOwnDescriptors) {
    return kFewConnections;
  }
  return static_cast<std::size_t>(std::min<rlim_t>(
      kMostConnections, static_cast<rlim_t>(fronts) * (limit.rlim_cur - kOwnDescriptors)));
}

}  // namespace

Keeper::Parts::Parts(const base::Clock& used_clock, std::unique_ptr<sys::Loop> used_loop,
                     Ground prepared)
    : clock(used_clock),
      loop(std::move(used_loop)),
      ground(std::move(prepared)),
      settings(std::move(ground.config.loaded.settings)),
      dispatcher(clock),
      notices(clock, dispatcher),
      roster(clock),
      commands(settings.log_path + ".commands"),
      limiter(clock, settings.max_failed_attempts),
      lookups(*loop, clock),
      name_check(clock, lookups, notices),
      chores(*loop),
      digester(chores, clock),
      started_ns(clock.now_ns()) {}

Result<void> Keeper::Parts::start() {
  adjust_logs();
  open_sinks();
  say_start();
  name_check.set_severity(settings.lookup_severity);
  roster.replace(settings.clients);
  load_commands();
  restore_clients();
  if (auto watched = watch_signals(); !watched) return watched;
  if (auto started = start_fronts(); !started) return started;
  if (auto started = start_gates(); !started) return started;
  if (auto started = start_resolvers(); !started) return started;
  if (auto started = start_syslog(); !started) return started;
  if (auto started = start_relay(); !started) return started;
  lookups.open(*resolvers);
  build(std::move(ground.listeners));
  if (ground.control_listener) {
    control = std::make_unique<Control>(
        *loop, clock, notices, [this](std::string_view command) { return answer(command); });
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
  guard = std::make_unique<Guard>(clock, limiter, notices, *connections, roster, tally);
  visits = std::make_unique<Visits>(clock, *connections, notices);
  handshakes = std::make_unique<Handshakes>(
      Handshakes::Parts{clock, settings, roster, *ground.journal, *connections, commands, *gates,
                        lookups, name_check, *visits, *guard, notices, tally});
  intake =
      std::make_unique<Intake>(Intake::Parts{clock, settings, roster, *ground.journal, dispatcher,
                                             *connections, commands, *guard, notices, tally});
  files = std::make_unique<Files>(Files::Parts{settings, roster, *connections, *fronts, *intake,
                                               *guard, notices, chores, digester, tally});
  uploads = std::make_unique<Uploads>(
      Uploads::Parts{settings, *connections, *fronts, *intake, *guard, notices, chores, tally});
  connections->on_member_lost([this](const Connection& connection) {
    files->forget(connection);
    uploads->forget(connection);
  });
  uploads->prepare();
  acceptor = std::make_unique<Acceptor>(Acceptor::Parts{*loop, clock, settings, *connections,
                                                        lookups, roster, limiter, notices, tally},
                                        std::move(listeners), max_connections(fronts->size()));
  orders = std::make_unique<Orders>(Orders::Parts{clock, settings, roster, commands, *connections});
  scribe = std::make_unique<Scribe>(
      Scribe::Parts{*loop, clock, roster, notices, [this] { return page_head(); },
                    [this] { return !ground.journal->has_failed(); }},
      scribe_paths());
}

Result<void> Keeper::Parts::start_fronts() {
  RoleGroup::Plan plan;
  plan.name = "front";
  plan.count = cores();
  plan.rules = kFromFront;
  plan.set_up = [this] { return front_set_up(); };
  plan.on_message = [this](std::size_t front, std::uint16_t kind, ByteView payload) {
    return take_from_front(front, kind, payload);
  };
  plan.on_ready = [this](std::size_t, std::string_view missing) { on_ready("front", missing); };
  plan.on_down = [this](std::size_t front, const Error& why) {
    connections->forget_front(front);
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
  plan.on_ready = [this](std::size_t, std::string_view missing) { on_ready("gate", missing); };
  plan.on_down = [this](std::size_t gate, const Error& why) {
    handshakes->forget_gate(gate);
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
    on_ready("resolver", missing);
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

Result<void> Keeper::Parts::start_syslog() {
  if (ground.syslog_sockets.empty()) return {};
  SyslogReception::Hooks hooks;
  hooks.on_ready = [this](std::string_view missing) { on_ready("syslog", missing); };
  hooks.on_down = [this](const Error& why) { on_down("syslog", why); };
  auto started = SyslogReception::start(*loop, clock, notices, std::move(ground.syslog_sockets),
                                        std::move(hooks));
  if (!started) return started.error();
  syslog = std::move(*started);
  return {};
}

/// Without a password nothing can go on yet, but all of it is kept: a reload tries again.
Result<void> Keeper::Parts::start_relay() {
  if (!ground.relay_spool) {
    uplink::wipe_embedded_password();
    return {};
  }
  auto password = relay_password_of(ground.relay);
  if (!password) {
    notices.tell(report::kPasswordNotSet,
                 {{"program", std::string{kProgram}}, {"reason", password.error().text()}});
    return {};
  }
  relay_password.emplace(std::move(*password));
  Relay::Hooks hooks;
  hooks.on_ready = [this](std::string_view missing) { on_ready("courier", missing); };
  hooks.on_down = [this](const Error& why) { on_down("courier", why); };
  auto started = Relay::start(*loop, clock, notices, *ground.relay_spool, *relay_password,
                              ground.relay, ground.source.host_name, std::move(hooks));
  if (!started) return started.error();
  relay = std::move(*started);
  return {};
}

bool Keeper::Parts::is_ready() const {
  return fronts->is_ready() && gates->is_ready() && resolvers->is_ready() &&
         (!syslog || syslog->is_ready()) && (!relay || relay->is_ready());
}

Result<void> Keeper::Parts::watch_signals() {
  const std::pair<int, sys::Loop::Callback> actions[] = {{SIGTERM, [this] { finish("SIGTERM"); }},
                                                         {SIGINT, [this] { finish("SIGTERM"); }},
                                                         {SIGQUIT, [this] { drain(); }},
                                                         {SIGHUP, [this] { reload(); }},
                                                         {SIGUSR1, [this] { toggle_console(); }},
                                                         {SIGUSR2, [this] { toggle_suspension(); }},
                                                         {SIGABRT, [this] { reopen_log(); }},
                                                         {SIGTTIN, [this] { reopen_log(); }},
                                                         {SIGTTOU, [] {}},
                                                         {SIGTSTP, [] {}}};
  for (const auto& [signal_number, action] : actions) {
    if (auto watched = loop->on_signal(signal_number, action); !watched) return watched;
  }
  return {};
}

void Keeper::Parts::say_start() {
  notices.tell(report::kStart, {{"program", std::string{kProgram}},
                                {"userid", std::to_string(geteuid())},
                                {"path", settings.hides_setup ? "(hidden)" : ground.config.path},
                                {"hash", ground.config.digest}});
  if (!sys::can_lock_memory()) notices.tell(report::kInsecureMemory, {});
  for (const auto& [option, reason] : ground.options.without_use) {
    notices.tell(report::kOptionNoUse, {{"option", option}, {"reason", reason}});
  }
  for (const config::Problem& problem : ground.config.loaded.problems) {
    notices.tell(report_of(problem, ground.config.path, clock.now_ns()));
  }
  note_barriers("keeper", ground.missing_barriers);
}

void Keeper::Parts::on_ready(std::string_view role, std::string_view missing) {
  note_barriers(role, missing);
  if (is_live) return;
  if (is_ready()) go_live();
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
  listening_since = clock.steady();
  repeat(kOverdueInterval, [this] { tell_overdue(); });
  repeat(kSaveInterval, [this] { save_commands(); });
  repeat(kStuckInterval, [this] { handshakes->restart_stuck_gates(); });
  repeat(kVisitInterval, [this] { visits->end_overdue(); });
  scribe->start();
  stamp_later();
  intake->commit();
  if (ground.detached) ground.detached->ready();
}

void Keeper::Parts::repeat(std::chrono::seconds interval, const sys::Loop::Callback& callback) {
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
  if (is_finished) return true;
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
    case kGet:
    case kSent:
    case kPut:
    case kPutEnd:
      return take_of_member(*connection, kind, *about, payload);
    default: {
      const auto bound = decode_bound(payload);
      if (!bound) return false;
      if (kind == kProof) handshakes->on_proof(*connection, *bound);
      if (kind == kResume) handshakes->on_resume(*connection, *bound);
      return true;
    }
  }
}

/// What is about files.
bool Keeper::Parts::take_of_member(Connection& connection, std::uint16_t kind, const About& about,
                                   ByteView payload) {
  // Of a stranger only GET and PUT come so far, and are its violation, not the front's.
  if (kind == kGet || kind == kPut) {
    const bool is_busy = files->is_busy(connection.id) || uploads->is_busy(connection.id);
    if (is_busy) {
      guard->violate(connection, "GET or PUT while another transfer is under way");
    } else if (kind == kGet) {
      files->on_get(connection, about.rest);
    } else {
      uploads->on_put(connection, about.rest);
    }
    return true;
  }
  if (kind == kSent) return files->on_sent(connection, about.rest[0] == 1);
  const auto end = decode_put_end(payload);
  return end && uploads->on_put_end(connection, *end);
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
      guard->tell_end(connection, report::kConnectionReset);
      break;
    case Departure::HandshakeTimeout:
    case Departure::FrameTimeout:
      guard->tell_end(connection, report::kConnectionTimeout);
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
  const std::chrono::seconds limit = settings.client_time_limit;
  if (limit.count() == 0 || is_suspended) return;
  if (clock.steady() - listening_since < std::min(limit, kTimeToComeBack)) return;
  for (const Client* client : roster.find_overdue(limit)) {
    notices.tell(report::kTimeLimitExceeded, {{"client", client->name()}});
  }
}

Keeper::Keeper(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Keeper::~Keeper() = default;

Result<std::unique_ptr<Keeper>> Keeper::create(const base::Clock& clock, Ground ground) {
  auto loop = sys::Loop::create();
  if (!loop) return loop.error();
  std::unique_ptr<Keeper> keeper(
      new Keeper(std::make_unique<Parts>(clock, std::move(*loop), std::move(ground))));
  if (auto started = keeper->parts_->start(); !started) {
    keeper->parts_->fail(started.error().text());
    return started.error();
  }
  return keeper;
}

int Keeper::run() {
  parts_->loop->run();
  return parts_->exit_status;
}

}  // namespace samhain::server
