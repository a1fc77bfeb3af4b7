#include "crypto/random.h"

#include <openssl/rand.h>

#include "crypto/check.h"

namespace samhain::crypto {

void fill_random(std::span<std::uint8_t> bytes) {
  require(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, "random bytes");
}

}  // namespace samhain::crypto
