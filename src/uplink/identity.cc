#include "uplink/identity.h"

#include <unistd.h>

#include <array>
#include <string_view>

#include "base/die.h"

namespace samhain::uplink {

std::optional<sys::Identity> role_identity() {
  if (geteuid() != 0) return std::nullopt;
  constexpr std::array<std::string_view, 3> kNames = {"samhain", "daemon", "nobody"};
  auto identity = sys::find_identity(kNames);
  if (!identity) base::die(identity.error().text());
  return *std::move(identity);
}

}  // namespace samhain::uplink
