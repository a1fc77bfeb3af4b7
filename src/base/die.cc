#include "base/die.h"

#include <errno.h>

#include <cstdio>
#include <cstdlib>

namespace samhain::base {

void die(std::string_view why) {
  (void)std::fprintf(stderr, "%s: %.*s\n", program_invocation_short_name,
                     static_cast<int>(why.size()), why.data());
  std::exit(EXIT_FAILURE);
}

}  // namespace samhain::base
