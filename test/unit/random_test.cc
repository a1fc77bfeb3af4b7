#include "crypto/random.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/prepare.h"

namespace samhain::crypto {
namespace {

TEST(Random, FillsEveryByteAndNeverTheSameTwice) {
  prepare();
  EXPECT_NE(random_array<32>(), random_array<32>());

  // Each position must take more than one value; 64 equal draws have probability 256^-63.
  std::array<std::uint8_t, 64> first = random_array<64>();
  std::array<bool, 64> has_changed{};
  for (int i = 0; i < 64; ++i) {
    const auto next = random_array<64>();
    for (std::size_t k = 0; k < next.size(); ++k) has_changed[k] |= next[k] != first[k];
  }
  EXPECT_TRUE(std::all_of(has_changed.begin(), has_changed.end(), [](bool b) { return b; }));
}

}  // namespace
}  // namespace samhain::crypto
