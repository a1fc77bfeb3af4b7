#include <cstdlib>

#include "srp/verifier.h"

// The value of `Client=` in yulerc: what is taken can be written and read back as the same entry;
// what is refused says why.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain;
  const auto verifier = srp::parse_registration(as_text({data, size}));
  if (!verifier) {
    if (verifier.error().what.empty()) std::abort();
    return 0;
  }
  const auto again = srp::parse_registration(srp::registration_line(*verifier));
  if (!again || again->host != verifier->host || again->salt != verifier->salt ||
      again->v != verifier->v) {
    std::abort();
  }
  return 0;
}
