#include "uplink/resolver.h"

#include <utility>

#include "base/die.h"
#include "sys/file.h"
#include "sys/resolve.h"
#include "sys/sandbox.h"
#include "uplink/identity.h"

namespace samhain::uplink {

namespace {

Resolved answer(const Question& question) {
  Resolved resolved;
  resolved.own_name = sys::own_name();
  if (question.host.empty()) return resolved;
  auto addresses = sys::addresses_of(question.host, question.port);
  if (addresses) {
    resolved.addresses = *std::move(addresses);
  } else {
    resolved.error = addresses.error().text();
  }
  return resolved;
}

}  // namespace

Result<std::unique_ptr<Lookup>> Lookup::start(sys::Loop& loop, Question question, OnDone on_done,
                                              std::string role_name) {
  std::unique_ptr<Lookup> lookup{new Lookup(loop, std::move(on_done))};
  Lookup* self = lookup.get();
  sys::Role::Spec spec;
  spec.name = std::move(role_name);
  spec.rules = rules_from_resolver();
  spec.set_up = [question = std::move(question)] { return encode(question); };
  spec.on_message = [self](std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
    self->finish(decode_resolved(payload));
  };
  spec.on_ready = [](std::string_view) {};
  spec.on_down = [self](const Error& error) { self->finish(error); };
  spec.is_restarted = false;
  auto role = sys::Role::start(loop, std::move(spec));
  if (!role) return role.error();
  lookup->role_ = *std::move(role);
  lookup->timer_ = loop.after(kLimit, [self] {
    self->timer_ = 0;
    self->finish(Error{Error::Kind::Timeout, "no answer from the resolver"});
  });
  return lookup;
}

Lookup::~Lookup() {
  if (timer_ != 0) loop_.cancel(timer_);
}

void Lookup::finish(Result<Resolved> result) {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  // Whoever is told may destroy us: nothing of ours is touched after the call.
  if (const OnDone on_done = std::exchange(on_done_, nullptr)) on_done(std::move(result));
}

Result<std::string> find_own_name() {
  auto loop = sys::Loop::create();
  if (!loop) return loop.error();
  Result<std::string> name = Error{Error::Kind::Missing, "no answer from the resolver"};
  auto lookup = Lookup::start(**loop, Question{}, [&](Result<Resolved> resolved) {
    if (resolved) {
      name = resolved->own_name;
    } else {
      name = resolved.error();
    }
    (*loop)->stop();
  });
  if (!lookup) return lookup.error();
  (*loop)->run();
  return name;
}

int run_resolver(bool may_share_user) {
  const auto set_up = sys::receive_set_up();
  if (!set_up) base::die("resolver: " + set_up.error().text());
  const auto question = decode_question(*set_up);
  if (!question) base::die("resolver: " + question.error().text());

  sys::Confinement confinement;
  confinement.role = "resolver";
  confinement.identity = role_identity();
  confinement.may_share_user = may_share_user;
  confinement.may_read_files = true;
  confinement.may_resolve_names = true;
  const auto barriers = sys::lock_in(confinement);
  if (!barriers) base::die("resolver: " + barriers.error().text());
  auto channel = sys::announce_ready(barriers->text());
  if (!channel) base::die("resolver: " + channel.error().text());

  const Bytes payload = encode(answer(*question));
  const sys::ChannelHeader header{static_cast<std::uint32_t>(payload.size()), kResolved, 0};
  Bytes message;
  header.append_to(message);
  message.insert(message.end(), payload.begin(), payload.end());
  if (auto sent = sys::write_all(channel->get(), message); !sent) {
    base::die("resolver: " + sent.error().text());
  }
  return 0;
}

}  // namespace samhain::uplink
