#include "server/relay.h"

#include <utility>

#include "crypto/random.h"

namespace samhain::server {

Result<uplink::Password> relay_password_of(const RelaySettings& settings) {
  if (settings.password_file.empty()) return uplink::take_embedded_password();
  return uplink::load_password(settings.password_file);
}

Result<std::unique_ptr<Relay>> Relay::start(sys::Loop& loop, const base::Clock& clock,
                                            Notices& notices, RelaySpool& spool,
                                            const uplink::Password& password,
                                            const RelaySettings& settings, std::string own_name,
                                            Hooks hooks) {
  std::unique_ptr<Relay> relay(new Relay(loop, notices, spool));
  Relay* const self = relay.get();
  uplink::Link::Settings link_settings;
  link_settings.source = settings.source;
  link_settings.resolver = "finder";  // our own resolvers do other things
  link_settings.session.client_name = std::move(own_name);
  link_settings.session.instance_id = crypto::random_array<16>();
  link_settings.session.server = settings.host;
  link_settings.session.second_server = settings.second_host;
  link_settings.session.port = settings.port;
  uplink::Link::Callbacks callbacks;
  callbacks.on_report = [self](Report&& report) {
    if (!self->is_ending_) self->notices_.tell(report);
  };
  callbacks.on_ready = std::move(hooks.on_ready);
  callbacks.on_down = std::move(hooks.on_down);
  auto link = uplink::Link::start(loop, clock, &spool.spool(), password, std::move(link_settings),
                                  std::move(callbacks));
  if (!link) return link.error();
  relay->link_ = std::move(*link);
  relay->link_->session().on_progress([self] { self->end_when_delivered(); });
  spool.on_stored([self] { self->wake_soon(); });
  relay->wake_soon();
  return relay;
}

Relay::~Relay() { spool_.on_stored(nullptr); }

/// From the loop: what sending has to tell must not come in the middle of a flush.
void Relay::wake_soon() {
  if (std::exchange(is_waking_, true)) return;
  loop_.soon([this] {
    is_waking_ = false;
    link_->session().wake();
  });
}

void Relay::deliver_last(sys::Loop::Callback then) {
  is_ending_ = true;
  then_ = std::move(then);
  patience_ = loop_.after(kPatienceAtEnd, [this] {
    patience_ = 0;
    end();
  });
  loop_.soon([this] { end_when_delivered(); });
}

void Relay::end_when_delivered() {
  if (!is_ending_) return;
  if (link_->session().is_settled() || link_->session().has_failed()) end();
}

void Relay::end() {
  if (patience_ != 0) loop_.cancel(std::exchange(patience_, 0));
  // From the loop: the session that calls us may be destroyed by what follows.
  if (auto then = std::exchange(then_, nullptr)) loop_.soon(std::move(then));
}

}  // namespace samhain::server
