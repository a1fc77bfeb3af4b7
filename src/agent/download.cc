#include "agent/download.h"

#include <utility>

#include "base/clock.h"
#include "config/document.h"
#include "report/catalog.h"
#include "sys/loop.h"

namespace samhain::agent {

namespace {

uplink::Fetched failed(std::string reason) {
  uplink::Fetched fetched;
  fetched.reason = std::move(reason);
  return fetched;
}

}  // namespace

uplink::Link::Settings first_link(const Options& options, const std::string& host_name,
                                  const Credentials& credentials) {
  uplink::Link::Settings settings;
  settings.source = options.bind_address;
  settings.session.client_name = host_name;
  settings.session.instance_id = credentials.instance_id();
  settings.session.server = options.server_host.value_or(DEFAULT_LOG_SERVER);
  settings.session.second_server = options.second_server_host;
  if (!options.server_host) settings.session.second_server = DEFAULT_ALT_LOG_SERVER;
  settings.session.port = options.server_port.value_or(DEFAULT_PORT);
  return settings;
}

std::string reason_of(const uplink::Fetched& fetched) {
  if (fetched.kind == uplink::Fetched::Kind::NoFile) return "the server has none for this client";
  return fetched.reason;
}

Result<uplink::Wanted> wanted_configuration(const Digest& held) {
  uplink::Wanted wanted;
  wanted.kind = wire::FileKind::Configuration;
  wanted.held = held;
  wanted.limit_bytes = config::kMaxFile;
  auto store = uplink::Store::in_memory();
  if (!store) return store.error();
  wanted.store = *std::move(store);
  return wanted;
}

uplink::Fetched fetch_configuration(const Options& options, const std::string& host_name,
                                    Credentials& credentials, const Tell& tell) {
  const base::SystemClock clock;
  uplink::Link::Settings settings = first_link(options, host_name, credentials);
  if (settings.session.server.empty()) {
    return failed("no server is named: give --server-host");
  }
  const auto password = credentials.find(options.password_file.value_or(""));
  if (!password) {
    tell(report::make(report::kPasswordNotSet, clock.now_ns(),
                      {{"program", "Samhain"}, {"reason", password.error().text()}}));
    return failed("no password");
  }
  auto authorities = uplink::load_authorities(options.server_ca.value_or(""));
  if (!authorities) return failed(authorities.error().text());
  settings.authorities = *std::move(authorities);
  auto wanted = wanted_configuration({});
  if (!wanted) return failed(wanted.error().text());
  auto loop = sys::Loop::create();
  if (!loop) return failed(loop.error().text());

  uplink::Link::Callbacks callbacks;
  callbacks.on_report = [&tell](Report&& report) { tell(report); };
  callbacks.on_ready = [](std::string_view) {};  // what is missing, the run's own courier tells
  callbacks.on_down = [&](const Error& error) {
    tell(report::make(report::kRoleDown, clock.now_ns(),
                      {{"role", "courier"}, {"reason", error.text()}}));
  };
  auto link = uplink::Link::start(**loop, clock, nullptr, **password, std::move(settings),
                                  std::move(callbacks));
  if (!link) return failed(link.error().text());
  uplink::Fetched result;
  (*link)->session().get(*std::move(wanted), [&](uplink::Fetched&& fetched) {
    result = std::move(fetched);
    (*loop)->stop();
  });
  (*loop)->run();
  return result;
}

}  // namespace samhain::agent
