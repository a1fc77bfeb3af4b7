#pragma once

#include <string.h>

#include <cstdint>
#include <span>

namespace samhain::base {

/// Overwrites what was secret, whatever the optimizer thinks of it (explicit_bzero(3)); no bytes at
/// no address are fine.
inline void wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

}  // namespace samhain::base
