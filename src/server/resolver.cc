#include <algorithm>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/die.h"
#include "server/libwrap.h"
#include "server/requests.h"
#include "server/role_process.h"
#include "sys/resolve.h"
#include "sys/role.h"

namespace samhain::server {
namespace {

bool has_address(const std::string& host, const sys::Address& wanted) {
  const auto found = sys::addresses_of(host, 0);
  if (!found) return false;
  const std::string text = wanted.text();
  return std::any_of(found->begin(), found->end(),
                     [&text](const sys::Address& address) { return address.text() == text; });
}

NameFacts look_up(const sys::Address& peer, const std::string& claim) {
  NameFacts facts;
  std::string canonical;
  if (!claim.empty()) {
    if (auto name = sys::canonical_name_of(claim)) canonical = std::move(*name);
    facts.claim_resolves = canonical.find('.') != std::string::npos;
  }
  auto name = sys::name_of(peer);
  if (!name) return facts;
  facts.peer_name = *name == "localhost" ? sys::own_name() : std::move(*name);
  facts.peer_confirmed = has_address(facts.peer_name, peer);
  facts.claim_matches =
      !claim.empty() && (claim == facts.peer_name || canonical == facts.peer_name);
  return facts;
}

class Resolver {
 public:
  void open(sys::Channel& keeper) { keeper_ = &keeper; }

  /// False for a message that the keeper never sends.
  bool take(std::uint16_t kind, ByteView payload) {
    if (kind == kJudge) return judge(payload);
    const auto request = decode_look_up(payload);
    if (!request) return false;
    const auto peer = sys::Address::parse(request->address, 0);
    if (!peer) return false;
    keeper_->send(kNames, encode(request->request, look_up(*peer, request->claim)));
    return true;
  }

 private:
  bool judge(ByteView payload) {
    base::Reader reader(payload);
    const auto request = reader.number<std::uint64_t>();
    const auto peer = sys::Address::parse(reader.text(kMaxAddress), 0);
    if (!reader.is_complete() || !peer) return false;
    base::Writer answer;
    answer.number(request).number(static_cast<std::uint8_t>(is_allowed_by_libwrap(*peer)));
    keeper_->send(kVerdict, answer.view());
    return true;
  }

  sys::Channel* keeper_ = nullptr;
};

}  // namespace

int run_resolver() {
  if (auto set_up = sys::receive_set_up(); !set_up) base::die(set_up.error().text());
  // Loads what libc needs to resolve: nsswitch.conf and its modules, resolv.conf.
  (void)sys::own_name();

  Resolver resolver;
  sys::Confinement confinement;
  confinement.role = "resolver";
  confinement.may_read_files = true;
  confinement.may_resolve_names = true;
  confinement.may_share_user = true;
  RoleProcess process;
  process = enter_role(confinement, kToResolver,
                       [&](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
                         if (!resolver.take(kind, payload)) process.loop->stop();
                       });
  resolver.open(*process.keeper);
  process.loop->run();
  return 0;
}

}  // namespace samhain::server
