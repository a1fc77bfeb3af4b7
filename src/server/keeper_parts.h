#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/acceptor.h"
#include "server/chores.h"
#include "server/control.h"
#include "server/digester.h"
#include "server/files.h"
#include "server/handshakes.h"
#include "server/intake.h"
#include "server/keeper.h"
#include "server/orders.h"
#include "server/relay.h"
#include "server/scribe.h"
#include "server/syslog_reception.h"
#include "server/uploads.h"
#include "server/visits.h"

namespace samhain::server {

inline constexpr std::string_view kProgram = "Yule";

/// Everything the keeper holds, in the order in which it needs one another.
struct Keeper::Parts {
  Parts(const base::Clock& used_clock, std::unique_ptr<sys::Loop> used_loop, Ground prepared);

  Result<void> start();
  Result<void> start_fronts();
  Bytes front_set_up() const;
  Result<void> start_gates();
  Result<void> start_resolvers();
  Result<void> start_syslog();
  Result<void> start_relay();
  bool is_ready() const;
  void build(std::vector<UniqueFd> listeners);
  Result<void> watch_signals();
  void open_sinks();
  void adjust_logs();
  void say_start();
  void go_live();
  void repeat(std::chrono::seconds interval, const sys::Loop::Callback& callback);
  void stamp_later();

  bool take_from_front(std::size_t front, std::uint16_t kind, ByteView payload);
  bool take_of_member(Connection& connection, std::uint16_t kind, const About& about,
                      ByteView payload);
  bool take_report(std::size_t front, ByteView payload);
  void on_gone(Connection& connection, Departure departure);
  void on_ready(std::string_view role, std::string_view missing);
  void note_barriers(std::string_view role, std::string_view missing);
  void on_down(std::string_view role, const Error& why);

  void end_round();
  void tell_overdue();
  void restore_clients();
  PageHead page_head() const;
  Scribe::Paths scribe_paths() const;
  void reload();
  void apply(Settings next);
  void renew_fronts();
  void toggle_console();
  void toggle_suspension();
  void reopen_log();
  void drain();
  void finish(std::string_view status);
  void compact_ledger();
  void end();
  void fail(std::string_view why);
  void load_commands();
  void save_commands();
  std::optional<std::string> answer(std::string_view command);
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
  Commands commands;
  Limiter limiter;
  Lookups lookups;
  NameCheck name_check;
  std::unique_ptr<RoleGroup> fronts;
  std::unique_ptr<RoleGroup> gates;
  std::unique_ptr<RoleGroup> resolvers;
  std::unique_ptr<SyslogReception> syslog;
  std::optional<uplink::Password> relay_password;
  std::unique_ptr<Relay> relay;
  std::unique_ptr<Connections> connections;
  std::unique_ptr<Guard> guard;
  std::unique_ptr<Visits> visits;
  std::unique_ptr<Handshakes> handshakes;
  std::unique_ptr<Intake> intake;
  Chores chores;
  Digester digester;
  std::unique_ptr<Files> files;
  std::unique_ptr<Uploads> uploads;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<Orders> orders;
  std::unique_ptr<Control> control;
  std::unique_ptr<Scribe> scribe;

  std::set<std::string> told_barriers;
  std::int64_t started_ns = 0;
  bool has_told_commands = false;  ///< that they cannot be kept, since they last could
  bool is_live = false;
  bool is_verbose = false;
  bool is_suspended = false;
  bool is_draining = false;
  bool is_finished = false;
  /// Since when clients can reach us: for their silence before they are not to blame.
  std::chrono::steady_clock::time_point listening_since{};
  int exit_status = 0;
};

}  // namespace samhain::server
