#include "agent/outlets.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "report/catalog.h"
#include "sink/console.h"
#include "sink/uplink.h"

namespace samhain::agent {

namespace {

/// How long reports gather before they are made durable together and sent.
constexpr std::chrono::milliseconds kGather{20};

// The services by which the dispatcher knows its sinks.
constexpr std::string_view kConsole = "console";
constexpr std::string_view kLogFile = "logfile";
constexpr std::string_view kLogServer = "log server";

std::string text_of(const std::optional<sys::Address>& address) {
  return address ? address->text() : std::string{};
}

sink::LogFile::Settings log_settings(const Settings& settings) {
  return {settings.log_path, settings.log_layout, settings.trusted};
}

}  // namespace

Outlets::Outlets(sys::Loop& loop, const base::Clock& clock, Credentials& credentials,
                 SeveritySet first_threshold, std::chrono::milliseconds patience)
    : loop_(loop),
      clock_(clock),
      credentials_(credentials),
      patience_(patience),
      status_line_(STDERR_FILENO),
      dispatcher_(clock) {
  dispatcher_.add(
      std::make_unique<sink::Console>(STDERR_FILENO, report::Layout{}, patience_, &status_line_),
      sink::Filter{first_threshold});
}

Outlets::~Outlets() {
  if (flush_timer_ != 0) loop_.cancel(flush_timer_);
  flush();
  dispatcher_.clear();  // the uplink borrows the spool
}

Result<void> Outlets::open(const Settings& settings) {
  flush();
  dispatcher_.remove(kConsole);
  dispatcher_.remove(kLogServer);
  if (!has_left_terminal_) add_terminal(settings);
  auto log = open_log(settings);
  auto spool = open_spool(settings);
  if (has_left_terminal_) add_device(settings);
  if (!log) return log;
  return spool;
}

sink::Filter Outlets::console_filter(const Settings& settings) const {
  return is_verbose_ ? sink::Filter{SeveritySet::from(Severity::Debug)} : settings.print;
}

void Outlets::add_console(const Settings& settings) {
  if (has_left_terminal_) {
    add_device(settings);
  } else {
    add_terminal(settings);
  }
}

void Outlets::toggle_console(const Settings& settings) {
  is_verbose_ = !is_verbose_;
  flush();
  dispatcher_.remove(kConsole);
  add_console(settings);
}

void Outlets::add_terminal(const Settings& settings) {
  dispatcher_.add(std::make_unique<sink::Console>(STDERR_FILENO, settings.print_layout, patience_,
                                                  &status_line_),
                  console_filter(settings));
}

/// Few hosts have a console device that anybody reads: a daemon has one only where it is named.
void Outlets::add_device(const Settings& settings) {
  const sink::Filter filter = console_filter(settings);
  if (settings.console_path.empty() || filter.severities.is_empty()) return;
  console_.reset(::open(settings.console_path.c_str(),
                        O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_APPEND));
  if (console_) {
    dispatcher_.add(std::make_unique<sink::Console>(console_.get(), settings.print_layout), filter);
    return;
  }
  const char* reason = strerror(errno);
  submit(
      report::make(report::kServiceFailure, clock_.now_ns(),
                   {{"service", "console"}, {"obj", settings.console_path}, {"reason", reason}}));
}

Result<void> Outlets::open_log(const Settings& settings) {
  if (settings.log.severities.is_empty()) {
    close_log();
    return {};
  }
  // The one that is open goes on, with what it gathered while its disk was full.
  if (log_ != nullptr && log_->object() == settings.log_path) {
    log_->adjust(settings.log_layout, settings.trusted);
    dispatcher_.set_filter(kLogFile, settings.log);
    return {};
  }
  auto log = sink::LogFile::open(log_settings(settings));
  if (log) {
    close_log();
    log_ = log->get();
    dispatcher_.add(*std::move(log), settings.log);
    return {};
  }
  const std::int64_t now = clock_.now_ns();
  for (const Report& line :
       sink::LogFile::explain_failure(log_settings(settings), log.error(), now)) {
    submit(line);
  }
  submit(report::make(report::kServiceFailure, now,
                      {{"service", "logfile"}, {"obj", settings.log_path}}));
  return log.error().within("log file", settings.log_path);
}

void Outlets::reopen_log(const Settings& settings) {
  flush();
  // What a full disk has kept waiting would be lost with the file that is open.
  if (log_ != nullptr && log_->pending() > 0) return;
  close_log();
  (void)open_log(settings);
}

void Outlets::close_log() {
  dispatcher_.remove(kLogFile);
  log_ = nullptr;
}

Result<void> Outlets::open_spool(const Settings& settings) {
  const bool is_same =
      linked_ && has_same_link(settings) && credentials_.is_current(settings.password_file);
  if (!is_same) {
    close_link();
    if (linked_) spool_.reset();  // else it is the one that was just taken back
    linked_ = settings;
  }
  exported_ = settings.exported;
  if (!settings.exports()) return {};
  if (!spool_) {
    auto spool = spool::Spool::open({settings.spool_path, settings.spool_limit_bytes});
    if (!spool) {
      tell_no_spool(settings, spool.error());
      linked_.reset();
      return spool.error();
    }
    spool_ = *std::move(spool);
  }
  dispatcher_.add(std::make_unique<sink::Uplink>(*spool_, settings.server_host, clock_,
                                                 [this] {
                                                   if (link_) link_->session().wake();
                                                 }),
                  settings.exported);
  if (!is_same && !spool_->damaged().empty()) {
    submit(report::make(report::kSpoolDamaged, clock_.now_ns(), {{"path", spool_->damaged()}}));
  }
  return {};
}

void Outlets::tell_no_spool(const Settings& settings, const Error& error) {
  Report report = report::make(report::kServiceFailure, clock_.now_ns(),
                               {{"service", "log server"},
                                {"obj", settings.server_host},
                                {"reason", error.text()},
                                {"remedy", "reports of this run go to console and log only"}});
  // Another samhain, mostly the daemon, is at work: a check beside it is an ordinary thing to do.
  if (error.kind == Error::Kind::Busy) report.severity = Severity::Warn;
  submit(report);
}

bool Outlets::has_same_link(const Settings& settings) const {
  const Settings& old = *linked_;
  return old.exports() == settings.exports() && old.downloads() == settings.downloads() &&
         old.server_host == settings.server_host &&
         old.second_server_host == settings.second_server_host &&
         old.server_port == settings.server_port && old.keep_alive == settings.keep_alive &&
         text_of(old.bind_address) == text_of(settings.bind_address) &&
         old.password_file == settings.password_file && old.server_ca == settings.server_ca &&
         old.host_name == settings.host_name && old.spool_path == settings.spool_path &&
         old.spool_limit_bytes == settings.spool_limit_bytes;
}

const uplink::Password* Outlets::find_password(const Settings& settings) {
  const auto password = credentials_.find(settings.password_file);
  if (password) return *password;
  submit(report::make(report::kPasswordNotSet, clock_.now_ns(),
                      {{"program", "Samhain"}, {"reason", password.error().text()}}));
  return nullptr;
}

Result<void> Outlets::start_link(const Settings& settings, std::function<void()> on_change) {
  const bool is_upload = settings.uploads() && !settings.server_host.empty();
  if (link_ || (!spool_ && !settings.downloads() && !is_upload)) return {};
  const uplink::Password* password = find_password(settings);
  if (password == nullptr) return {};

  auto authorities = uplink::load_authorities(settings.server_ca);
  if (!authorities) {
    // Reports wait in the spool, as with a server that is away: never with one that nobody vouches
    // for.
    submit(report::make(report::kServiceFailure, clock_.now_ns(),
                        {{"service", "log server"},
                         {"obj", settings.server_host},
                         {"reason", authorities.error().text()}}));
    return {};
  }
  uplink::Link::Settings link_settings;
  link_settings.authorities = *std::move(authorities);
  link_settings.source = settings.bind_address;
  link_settings.session.client_name = settings.host_name;
  link_settings.session.instance_id = credentials_.instance_id();
  link_settings.session.server = settings.server_host;
  link_settings.session.second_server = settings.second_server_host;
  link_settings.session.port = settings.server_port;
  link_settings.session.keep_alive = settings.keep_alive;
  uplink::Link::Callbacks callbacks;
  callbacks.on_report = [this](Report&& report) { submit(report); };
  callbacks.on_ready = [this, on_change](std::string_view missing) {
    note_barriers("courier", missing);
    on_change();
  };
  callbacks.on_down = [this](const Error& error) { note_down("courier", error); };
  auto link = uplink::Link::start(loop_, clock_, spool_.get(), *password, std::move(link_settings),
                                  std::move(callbacks));
  if (!link) return link.error();
  link_ = *std::move(link);
  link_->session().on_progress(std::move(on_change));
  link_->session().on_commands(on_commands_);
  link_->session().wake();
  return {};
}

void Outlets::leave_terminal(const Settings& settings) {
  has_left_terminal_ = true;
  // The log and the uplink stay as they are: only the console is another.
  (void)open(settings);
}

void Outlets::submit(const Report& report) {
  dispatcher_.submit(report);
  if (flush_timer_ == 0) {
    flush_timer_ = loop_.after(kGather, [this] {
      flush_timer_ = 0;
      flush();
    });
  }
}

std::uint64_t Outlets::submit_exported(const Report& report) {
  dispatcher_.set_filter(kLogServer, sink::Filter{SeveritySet::from(Severity::Debug)});
  dispatcher_.submit(report);
  dispatcher_.set_filter(kLogServer, exported_);
  flush();
  return spool_ ? spool_->next() - 1 : 0;
}

void Outlets::flush() { dispatcher_.flush(); }

void Outlets::stop_link() {
  if (link_) link_->session().stop();
}

void Outlets::release_link() {
  flush();
  dispatcher_.remove(kLogServer);
  close_link();
  spool_.reset();
  linked_.reset();
}

bool Outlets::take_back(const Settings& settings) {
  if (spool_) return true;
  if (settings.exports()) {
    auto spool = spool::Spool::open({settings.spool_path, settings.spool_limit_bytes});
    if (spool) {
      spool_ = *std::move(spool);
    } else if (spool.error().kind == Error::Kind::Busy) {
      return false;
    }
  }
  (void)open(settings);  // tells of a spool that cannot be opened
  return true;
}

void Outlets::close_link() {
  link_.reset();
  if (on_fetched_) loop_.soon([this] { fetched({}); });
  if (on_sent_) loop_.soon([this] { sent({}); });
}

void Outlets::fetch(uplink::Wanted wanted, uplink::Transfer::OnDone on_done) {
  on_fetched_ = std::move(on_done);
  if (!link_) return close_link();
  link_->session().get(std::move(wanted),
                       [this](uplink::Fetched&& file) { fetched(std::move(file)); });
}

void Outlets::fetched(uplink::Fetched&& fetched) {
  if (fetched.kind == uplink::Fetched::Kind::Failed && fetched.reason.empty()) {
    fetched.reason = "there is no connection to a server";
  }
  if (const auto on_done = std::exchange(on_fetched_, nullptr)) on_done(std::move(fetched));
}

void Outlets::send(uplink::Offer offer, uplink::Upload::OnDone on_done) {
  on_sent_ = std::move(on_done);
  if (!link_) return close_link();
  link_->session().put(std::move(offer),
                       [this](uplink::Delivered&& delivered) { sent(std::move(delivered)); });
}

void Outlets::sent(uplink::Delivered&& delivered) {
  if (delivered.kind == uplink::Delivered::Kind::Failed && delivered.reason.empty()) {
    delivered.reason = "there is no connection to a server";
  }
  if (const auto on_done = std::exchange(on_sent_, nullptr)) on_done(std::move(delivered));
}

/// What is no name would be the server's words in a command for people to copy.
std::string Outlets::known_as(const Settings& settings) const {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{".-_:"}.find(c) != std::string_view::npos;
  };
  if (!link_) return settings.host_name;
  const std::string& name = link_->session().known_as();
  return !name.empty() && std::ranges::all_of(name, is_plain) ? name : settings.host_name;
}

void Outlets::note_barriers(std::string_view role, std::string_view missing) {
  if (missing.empty()) return;
  if (!noted_barriers_.insert(std::string{role} + ": " + std::string{missing}).second) return;
  submit(report::make(report::kBarriersMissing, clock_.now_ns(),
                      {{"role", std::string{role}}, {"missing", std::string{missing}}}));
}

void Outlets::note_down(std::string_view role, const Error& error) {
  submit(report::make(report::kRoleDown, clock_.now_ns(),
                      {{"role", std::string{role}}, {"reason", error.text()}}));
}

}  // namespace samhain::agent
