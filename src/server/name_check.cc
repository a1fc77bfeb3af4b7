#include "server/name_check.h"

namespace samhain::server {

void NameCheck::check(const std::string& claim, const std::string& address) {
  lookups_.find_names(address, claim, [this, claim, address](const NameFacts& facts) {
    judge(claim, address, facts);
  });
}

/// The first thing that does not fit; what follows from it would only be noise.
void NameCheck::judge(const std::string& claim, const std::string& address,
                      const NameFacts& facts) {
  if (!facts.claim_resolves) {
    tell(report::kCannotResolveClient, claim, {{"host", claim}});
  } else if (facts.peer_name.empty()) {
    tell(report::kCannotResolvePeer, claim, {{"host", claim}, {"peer", address}});
  } else if (!facts.peer_confirmed) {
    tell(report::kReverseLookupFailed, claim,
         {{"host", claim}, {"peer", facts.peer_name}, {"obj", address}});
  } else if (!facts.claim_matches) {
    tell(report::kNoPeerAlias, claim, {{"host", claim}, {"peer", facts.peer_name}});
  }
}

void NameCheck::tell(const report::Event& event, const std::string& claim,
                     std::vector<Field> fields) {
  const auto now = clock_.steady();
  const auto [found, is_new] = told_.try_emplace({claim, event.message});
  Told& told = found->second;
  if (!is_new && now - told.at < std::chrono::hours{1}) {
    ++told.left_out;
    return;
  }
  if (told.left_out > 0) fields.push_back({"count", std::to_string(told.left_out)});
  told = Told{.at = now};
  notices_.tell_at(severity_, event, std::move(fields));
}

}  // namespace samhain::server
