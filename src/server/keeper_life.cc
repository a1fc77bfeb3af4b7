// The keeper's life after the start: its sinks, its signals, its end, and what yulectl may ask.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/text.h"
#include "base/wipe.h"
#include "server/client_table_file.h"
#include "server/keeper_parts.h"
#include "server/status.h"

namespace samhain::server {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::chrono::milliseconds kDrainTime{500};

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

void Keeper::Parts::open_sinks() {
  dispatcher.flush();
  dispatcher.clear();
  console.emplace(STDERR_FILENO, settings.print_layout);
  sink::Filter print = settings.print;
  print.severities = ground.options.print_threshold.value_or(print.severities);
  if (is_verbose) print = {SeveritySet::from(Severity::Debug)};
  sink::Filter log = settings.log;
  log.severities = ground.options.log_threshold.value_or(log.severities);
  dispatcher.add(std::make_unique<Borrowed>(*console), print, true);
  dispatcher.add(std::make_unique<Borrowed>(*ground.journal), log, true);
  if (ground.relay_spool) {
    sink::Filter own = settings.relay_own;
    own.severities = ground.options.export_threshold.value_or(own.severities);
    dispatcher.add(std::make_unique<Borrowed>(*ground.relay_spool), own, true);
  }
  dispatcher.set_client_rules(settings.client_rules);
}

void Keeper::Parts::adjust_logs() {
  ground.journal->adjust(settings.log_layout, settings.trusted);
  std::vector<std::string> names;
  if (settings.has_separate_logs) {
    for (const auto& [name, verifier] : settings.clients) names.push_back(name);
  }
  ground.journal->separate(log_names(names, settings.strips_domain));
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
  for (const std::string_view option : keep_until_restart(settings, file->loaded.settings)) {
    notices.tell(report::kAtNextStart, {{"option", std::string{option}}});
  }
  apply(std::move(file->loaded.settings));
  notices.tell(report::kReloaded);
}

void Keeper::Parts::apply(Settings next) {
  const auto& remaining = next.clients;
  // A challenge made with the old verifier would still take the old password.
  handshakes->withdraw([&remaining](const Client& client) {
    const auto found = remaining.find(client.name());
    return found == remaining.end() || found->second.salt != client.verifier.salt ||
           found->second.v != client.verifier.v;
  });
  // A visitor's password may be another now; its session is not worth more thought.
  connections->close_where([&remaining](const Connection& connection) {
    if (connection.is_visitor()) return true;
    return connection.client != nullptr && !remaining.contains(connection.client->name());
  });
  settings = std::move(next);
  roster.replace(settings.clients);
  commands.retain([this](std::string_view client) { return roster.find(client) != nullptr; });
  limiter.set_limit(settings.max_failed_attempts);
  name_check.set_severity(settings.lookup_severity);
  lookups.clear_cache();
  renew_fronts();
  if (control) control->allow(settings.socket_uid);
  scribe->adjust(scribe_paths());
  adjust_logs();
  open_sinks();
  uploads->prepare();
  if (relay) return;
  if (auto started = start_relay(); !started) {
    notices.tell(report::kRoleDown, {{"role", "courier"}, {"reason", started.error().text()}});
  }
}

Bytes Keeper::Parts::front_set_up() const {
  FrontSetUp set_up{settings.front, {}};
  if (ground.certificate) set_up.certificate = ground.certificate->credentials();
  return encode(set_up);
}

/// A certificate is renewed by new files and a reload; where the new ones will not do, or are for
/// root's eyes only, the old one goes on.
void Keeper::Parts::renew_fronts() {
  if (settings.certificate_path.empty() && settings.key_path.empty()) {
    ground.certificate.reset();
  } else if (auto loaded = SiteCertificate::load(settings.certificate_path, settings.key_path,
                                                 ground.source.owners)) {
    ground.certificate = std::move(*loaded);
  } else {
    notices.tell(report::kOldCertificateStays,
                 {{"path", settings.certificate_path}, {"reason", loaded.error().text()}});
  }
  Bytes set_up = front_set_up();
  for (std::size_t front = 0; front < fronts->size(); ++front) {
    // One that is down gets it when it is set up.
    (void)fronts->send_secret(front, kRenew, set_up);
  }
  base::wipe(set_up);
}

void Keeper::Parts::toggle_console() {
  is_verbose = !is_verbose;
  open_sinks();
}

/// Clients wait in the backlog, or come back later: what they have to say stays in their spools.
void Keeper::Parts::toggle_suspension() {
  if (!is_live || is_draining) return;
  is_suspended = !is_suspended;
  if (!is_suspended) {
    listening_since = clock.steady();
    return acceptor->resume();
  }
  acceptor->pause();
  connections->close_where([](const Connection&) { return true; });
  notices.tell(report::kSuspend, {{"program", std::string{kProgram}}});
}

/// For whoever rotates the log: when this is done, nothing is written to the old file any more.
void Keeper::Parts::reopen_log() {
  if (intake) intake->commit();
  if (auto followed = ground.journal->follow_rotation(); !followed) {
    notices.tell_filled(report::kCallFailed, {followed.error().text()},
                        {{"interface", "open"}, {"path", ground.journal->object()}});
  }
}

/// No new connections; those that are open are done when what they sent is acknowledged.
void Keeper::Parts::drain() {
  if (!is_live) return finish("SIGQUIT");
  if (std::exchange(is_draining, true)) return;
  acceptor->pause();
  intake->commit();
  connections->close_where([](const Connection&) { return true; });
  // The fronts send the acknowledgements before they close.
  loop->after(kDrainTime, [this] { finish("SIGQUIT"); });
}

void Keeper::Parts::finish(std::string_view status) {
  if (std::exchange(is_finished, true)) return;
  if (acceptor) acceptor->pause();
  dispatcher.flush();
  notices.tell(report::kExit,
               {{"program", std::string{kProgram}}, {"status", std::string{status}}});
  dispatcher.flush();
  compact_ledger();
  save_commands();
  if (scribe) scribe->finish();
  if (!relay || !is_live) return end();
  // The next server should hear of the end; nobody else hears of anything any more.
  dispatcher.clear();
  relay->deliver_last([this] { end(); });
}

void Keeper::Parts::end() {
  if (ground.pid_file) ground.pid_file->remove();
  // Only our own, and where the directory lets us.
  if (ground.remover) {
    ground.remover->remove();
  } else if (control) {
    (void)unlink(settings.socket_path.c_str());
  }
  loop->stop();
}

void Keeper::Parts::compact_ledger() {
  if (!ground.journal->is_open()) return;
  if (auto compacted = ground.journal->ledger().compact(); !compacted) {
    notices.tell_filled(report::kCallFailed, {compacted.error().text()},
                        {{"interface", "ledger"}, {"path", ground.journal->object()}});
  }
}

/// A table that cannot be read costs a few wrong words, and no start.
void Keeper::Parts::restore_clients() {
  const std::string path = scribe_paths().table;
  if (auto restored = server::restore_clients(roster, path); !restored) {
    notices.tell(report::kClientTableNotUsed,
                 {{"path", path}, {"reason", restored.error().text()}});
  }
}

PageHead Keeper::Parts::page_head() const {
  return PageHead{.now_ns = clock.now_ns(),
                  .started_ns = started_ns,
                  .last_connection_ns = roster.last_contact_ns(),
                  .open = connections->size(),
                  .total = tally.connections,
                  .maximum = acceptor->max_connections()};
}

Scribe::Paths Keeper::Parts::scribe_paths() const {
  return {ground.journal->object() + ".clients", settings.html_path, settings.data_path};
}

void Keeper::Parts::fail(std::string_view why) {
  (void)std::fputs(fmt::format("yule: {}\n", why).c_str(), stderr);
  exit_status = 1;
  finish("exit_failure");
}

/// A list that cannot be read costs the commands in it, not the server.
void Keeper::Parts::load_commands() {
  if (auto loaded = commands.load(); !loaded) {
    notices.tell(report::kServiceFailure, {{"service", "commands"},
                                           {"obj", settings.log_path + ".commands"},
                                           {"reason", loaded.error().text()}});
  }
  commands.retain([this](std::string_view client) { return roster.find(client) != nullptr; });
}

void Keeper::Parts::save_commands() {
  const auto saved = commands.save();
  if (!saved && !has_told_commands) {
    notices.tell(report::kServiceFailure, {{"service", "commands"},
                                           {"obj", settings.log_path + ".commands"},
                                           {"reason", saved.error().text()}});
  }
  has_told_commands = !saved;
}

std::optional<std::string> Keeper::Parts::answer(std::string_view command) {
  const auto words = base::split(command, " ");
  if (words.empty()) return std::nullopt;
  if (words[0] == "CLIENTS") return list_of(roster);
  if (words[0] == "STATUS" && words.size() == 1) return status();
  return orders->answer(words);
}

std::string Keeper::Parts::status() const {
  StatusLines lines = {{"version", PACKAGE_VERSION},
                       {"uptime_s", std::to_string((clock.now_ns() - started_ns) / kNanoseconds)},
                       {"user", std::to_string(geteuid())},
                       {"pid", std::to_string(getpid())}};
  for (const RoleGroup* group : {fronts.get(), gates.get(), resolvers.get()}) {
    for (std::size_t i = 0; i < group->size(); ++i) {
      lines.emplace_back(fmt::format("pid_{}_{}", group->name(), i), std::to_string(group->pid(i)));
    }
  }
  if (syslog) lines.emplace_back("pid_syslog_0", std::to_string(syslog->pid()));
  if (ground.relay_spool) {
    lines.emplace_back("relay_waiting", std::to_string(ground.relay_spool->waiting()));
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
      {"duplicates", tally.duplicates},
      {"files_sent", tally.files},
      {"baselines_received", tally.uploads}};
  for (const auto& [key, count] : counts) {
    lines.emplace_back(std::string{key}, std::to_string(count));
  }
  lines.emplace_back("suspended", is_suspended ? "yes" : "no");
  // As yulectl sees them, which is not in our jail.
  lines.emplace_back("data", ground.jail_path + settings.data_path);
  lines.emplace_back("pending", ground.jail_path + settings.pending_path);
  lines.emplace_back("log", ground.jail_path + ground.journal->object());
  lines.emplace_back("log_is_written", ground.journal->has_failed() ? "no" : "yes");
  return status_of(lines);
}

}  // namespace samhain::server
