#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace samhain::crypto {

/// Unpredictable bytes for keys (RAND_priv_bytes(3)).  Without randomness the process ends.
void fill_random(std::span<std::uint8_t> bytes);

template <std::size_t N>
std::array<std::uint8_t, N> random_array() {
  std::array<std::uint8_t, N> bytes{};
  fill_random(bytes);
  return bytes;
}

}  // namespace samhain::crypto
