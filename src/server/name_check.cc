#include "server/name_check.h"

namespace samhain::server {
namespace {

constexpr std::chrono::hours kSilence{1};

}  // namespace

void NameCheck::check(const std::string& claim, const std::string& address) {
  lookups_.find_names(address, claim, [this, claim, address](const NameFacts& facts) {
    judge(claim, address, facts);
  });
}

// What follows from the first thing that does not fit would only be noise.
void NameCheck::judge(const std::string& claim, const std::string& address,
                      const NameFacts& facts) {
  if (!facts.claim_resolves) {
    tell(report::kCannotResolveClient, claim, address, {{"host", claim}});
  } else if (facts.peer_name.empty()) {
    tell(report::kCannotResolvePeer, claim, address, {{"host", claim}, {"peer", address}});
  } else if (!facts.peer_confirmed) {
    tell(report::kReverseLookupFailed, claim, address,
         {{"host", claim}, {"peer", facts.peer_name}, {"obj", address}});
  } else if (!facts.claim_matches) {
    tell(report::kNoPeerAlias, claim, address, {{"host", claim}, {"peer", facts.peer_name}});
  }
}

void NameCheck::tell(const report::Event& event, const std::string& claim,
                     const std::string& address, std::vector<Field> fields) {
  const auto now = clock_.steady();
  const auto key = std::tuple{claim, event.message, address};
  if (!told_.contains(key) && !make_room()) return;
  const auto [found, is_new] = told_.try_emplace(key);
  Told& told = found->second;
  if (!is_new && now - told.at < kSilence) {
    ++told.left_out;
    return;
  }
  if (told.left_out > 0) fields.push_back({"count", std::to_string(told.left_out)});
  told = Told{.at = now};
  notices_.tell_at(severity_, event, std::move(fields));
}

/// False: so much was told within the hour that more of it would only fill the log.
bool NameCheck::make_room() {
  if (told_.size() < kMaxTold) return true;
  const auto now = clock_.steady();
  std::erase_if(told_, [now](const auto& entry) { return now - entry.second.at >= kSilence; });
  return told_.size() < kMaxTold;
}

}  // namespace samhain::server
