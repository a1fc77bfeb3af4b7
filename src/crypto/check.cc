#include "crypto/check.h"

#include <openssl/err.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace samhain::crypto {

void require(bool is_done, const char* what) {
  if (is_done) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_peek_last_error(), reason.data(), reason.size());
  (void)std::fprintf(stderr, "OpenSSL cannot go on: %s: %s\n", what, reason.data());
  std::abort();
}

}  // namespace samhain::crypto
