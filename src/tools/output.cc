#include "tools/output.h"

#include <fmt/format.h>

#include <cstdio>

namespace samhain::tools {

int print(std::string_view text) {
  const bool is_written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (is_written && std::fflush(stdout) == 0) return 0;
  return fail("cannot write to standard output");
}

int fail(std::string_view why) {
  (void)std::fputs(fmt::format("ERROR: {}\n", why).c_str(), stderr);
  return 1;
}

void remark(std::string_view text) {
  (void)std::fputs(fmt::format("# {}\n", text).c_str(), stderr);
}

}  // namespace samhain::tools
