#include "agent/connection_check.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "agent/agent.h"
#include "agent/credentials.h"
#include "agent/download.h"
#include "agent/place.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "report/form.h"
#include "sys/loop.h"
#include "uplink/link.h"
#include "uplink/resolver.h"

namespace samhain::agent {

namespace {

/// Longer than the longest answer of a step: nobody is left without a word.
constexpr std::chrono::seconds kPatience{90};
constexpr std::uint64_t kLargestFile = std::uint64_t{2} << 30;

void print(std::string_view step, std::string_view outcome) {
  (void)std::fputs(fmt::format("{:<20} {}\n", step, outcome).c_str(), stdout);
  (void)std::fflush(stdout);
}

/// The check under way: what the link's parts tell is put in words here.
class ConnectionCheck {
 public:
  ConnectionCheck(const Options& options, const Paths& paths)
      : options_(options), paths_(paths), host_name_(own_name()) {}

  int run() {
    print("own name", host_name_);
    if (!read_settings() || !find_password()) return fail();
    auto loop = sys::Loop::create();
    if (!loop) return fail(loop.error().text());
    loop_ = loop->get();
    loop_->after(kPatience, [this] { end("no answer in time"); });
    look_up();
    loop_->run();
    link_.reset();
    lookup_.reset();
    loop_ = nullptr;
    return problem_.empty() && is_complete_ ? succeed() : fail(problem_);
  }

 private:
  using Kind = uplink::Fetched::Kind;

  /// Of the link: the configuration's, or where that is the server's, the command line's.
  bool read_settings() {
    const Place place = place_of(options_.config_path.value_or(paths_.config));
    if (place.is_remote) {
      needs_configuration_ = true;
      link_settings_ = first_link(options_, host_name_, credentials_);
      password_file_ = options_.password_file.value_or("");
      authorities_ = options_.server_ca.value_or("");
      print("configuration", kFromServer);
    } else {
      const Loading loading = load_settings(options_, paths_, host_name_);
      if (!loading.loaded) {
        problem_ = "the configuration cannot be read: " + loading.unusable.error.text();
        remedy_ = "see what `samhain --check-config' says";
        return false;
      }
      take(loading.loaded->settings);
    }
    if (link_settings_.session.server.empty()) {
      problem_ = "no server is named";
      remedy_ = "set SetLogServer in the section [Client], or give --server-host";
      return false;
    }
    print("server",
          fmt::format("{}, port {}", link_settings_.session.server, link_settings_.session.port));
    return true;
  }

  void take(const Settings& settings) {
    needs_baseline_ = settings.is_baseline_remote;
    password_file_ = settings.password_file;
    authorities_ = settings.server_ca;
    link_settings_.source = settings.bind_address;
    link_settings_.session.client_name = settings.host_name;
    link_settings_.session.instance_id = credentials_.instance_id();
    link_settings_.session.server = settings.server_host;
    link_settings_.session.port = settings.server_port;
    print("configuration", settings.config_path);
  }

  bool find_password() {
    auto found = credentials_.find(password_file_);
    if (!found) {
      problem_ = found.error().text();
      remedy_ = "embed one with samhain_setpwd, or name a file in SetPasswordFile";
      return false;
    }
    password_ = *found;
    auto authorities = uplink::load_authorities(authorities_);
    if (!authorities) {
      problem_ = authorities.error().text();
      remedy_ = "give a file of certificates in PEM";
      return false;
    }
    link_settings_.authorities = *std::move(authorities);
    print("password", password_file_.empty() ? "in the program" : "in " + password_file_);
    return true;
  }

  void look_up() {
    const auto& session = link_settings_.session;
    auto lookup = uplink::Lookup::start(
        *loop_, uplink::Question{session.server, session.port},
        [this](Result<uplink::Resolved> resolved) {
          loop_->soon([this, answer = std::move(resolved)] { found(answer); });
        });
    if (!lookup) return end(lookup.error().text());
    lookup_ = *std::move(lookup);
  }

  void found(const Result<uplink::Resolved>& resolved) {
    lookup_.reset();
    std::string addresses;
    if (resolved) {
      for (const sys::Address& address : resolved->addresses) addresses += address.text() + " ";
    }
    if (addresses.empty()) {
      const std::string why = resolved ? resolved->error : resolved.error().text();
      remedy_ = "the server's name is unknown here: correct it, or DNS, or /etc/hosts";
      return end("no address: " + why);
    }
    print("addresses", addresses);
    connect();
  }

  void connect() {
    remedy_ =
        "is yule running, at this port (yule status; ss -ltn), and does a firewall let us through?";
    link_settings_.session.is_visitor = true;
    uplink::Link::Callbacks callbacks;
    callbacks.on_report = [this](Report&& report) { hear(report); };
    callbacks.on_ready = [](std::string_view) {};
    callbacks.on_down = [this](const Error& error) { end(error.text()); };
    auto link = uplink::Link::start(*loop_, clock_, nullptr, *password_, link_settings_,
                                    std::move(callbacks));
    if (!link) return end(link.error().text());
    link_ = *std::move(link);
    link_->session().on_step([this](const uplink::Step& step) { note(step); });
    ask(wire::FileKind::Configuration, [this](const uplink::Fetched& fetched) {
      show("configuration", "rc", fetched, needs_configuration_);
      ask(wire::FileKind::Baseline, [this](const uplink::Fetched& baseline) {
        show("baseline", "file", baseline, needs_baseline_);
        is_complete_ = true;
        end("");
      });
    });
  }

  /// What the session tells its log says which step failed.
  void hear(const Report& report) {
    const std::string message{report.message()};
    if (message.starts_with("Connection reset")) {
      remedy_ =
          "the server ended it at once: the tcp wrapper refuses this host (hosts.deny, hosts.allow "
          "there)";
    }
    if (report.severity >= Severity::Err && message != "Session key negotiation failed" &&
        message != "Invalid connection state" && message != "Service failure") {
      print("", message);
    }
  }

  void note(const uplink::Step& step) {
    if (step.kind == uplink::Step::Kind::Secured) {
      print("TCP, TLS", "ok");
      remedy_ = "the server's log says why it ended the connection";
      return;
    }
    if (!step.known_as.empty()) print("known as", step.known_as);
    if (step.kind == uplink::Step::Kind::Accepted) return print("authentication", "ok");
    end(refusal_of(step));
  }

  std::string refusal_of(const uplink::Step& step) {
    switch (step.refusal) {
      case wire::Refusal::NotRegistered:
        remedy_ = fmt::format(
            "register it: `yule -P PASSWORD', `Client={}@…' into [Clients] of yulerc, yule reload",
            step.known_as);
        return "the server has no entry for this name";
      case wire::Refusal::WrongProof:
        remedy_ =
            "is this the program that samhain_setpwd wrote, and the entry made from its password? "
            "(two entries: the last counts)";
        return "the password is not the one of the server's entry";
      case wire::Refusal::TooManyAttempts:
        remedy_ = "wait a minute";
        return "too many attempts from this address";
      case wire::Refusal::BadRequest:
      case wire::Refusal::Unavailable:
        break;
    }
    remedy_ = "see the server's log";
    return "the server cannot serve now, or did not understand us";
  }

  void ask(wire::FileKind kind, std::function<void(const uplink::Fetched&)> then) {
    uplink::Wanted wanted;
    wanted.kind = kind;
    wanted.limit_bytes = kLargestFile;
    wanted.store = uplink::Store::nowhere();
    link_->session().get(std::move(wanted),
                         [this, then = std::move(then)](uplink::Fetched&& fetched) {
                           if (fetched.kind == Kind::Failed) return end(fetched.reason);
                           then(fetched);
                         });
  }

  void show(std::string_view what, std::string_view stem, const uplink::Fetched& fetched,
            bool is_needed) {
    const std::string step = fmt::format("{} there", what);
    if (fetched.kind == Kind::Received) {
      return print(step,
                   fmt::format("{} bytes, SHA-256 {}", fetched.size, base::hex(fetched.sha256)));
    }
    print(step, is_needed ? "none" : "none, and none is needed");
    if (!is_needed) return;
    problem_ = fmt::format("the server has no {} for this client", what);
    remedy_ =
        fmt::format("put {0}.HOST or {0} into its data directory, readable for its user", stem);
  }

  /// The first thing that goes wrong is the one to mend.
  void end(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    loop_->stop();
  }

  static int succeed() {
    print("result", "everything works");
    return 0;
  }
  int fail(const std::string& problem = {}) {
    if (problem_.empty()) problem_ = problem.empty() ? "no answer" : problem;
    print("result", "FAILED: " + problem_);
    if (!remedy_.empty()) print("remedy", remedy_);
    return 1;
  }

  const Options& options_;
  const Paths& paths_;
  const base::SystemClock clock_;
  const std::string host_name_;
  Credentials credentials_;
  uplink::Link::Settings link_settings_;
  std::string password_file_;
  std::string authorities_;
  const uplink::Password* password_ = nullptr;
  bool needs_configuration_ = false;
  bool needs_baseline_ = false;
  bool is_complete_ = false;
  std::string problem_;
  std::string remedy_;
  sys::Loop* loop_ = nullptr;
  std::unique_ptr<uplink::Lookup> lookup_;
  std::unique_ptr<uplink::Link> link_;
};

}  // namespace

int check_connection(const Options& options, const Paths& paths) {
  return ConnectionCheck{options, paths}.run();
}

}  // namespace samhain::agent
