#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/status.h"

namespace samhain::agent {

/// What `samhain status` prints: lines for people.  `seen`: nothing where none ever ran here.
std::string status_text(const std::optional<SeenStatus>& seen, std::int64_t now_ns);
/// The same as one JSON object (samhain(8), STATUS), with a newline.
std::string status_json(const std::optional<SeenStatus>& seen, std::int64_t now_ns);

}  // namespace samhain::agent
