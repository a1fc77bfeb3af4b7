#include "config/checking.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace samhain::config {

// Where stdout cannot be written there is nobody to tell; the status says it all the same.
void print(const std::string& line) { (void)std::fputs((line + "\n").c_str(), stdout); }

void print_row(std::string_view name, const std::string& value) {
  print(fmt::format("{:<16} {}", name, value));
}

int complain(std::string_view what, std::string_view remedy) {
  print(fmt::format("ERROR  {}; {}", what, remedy));
  return kIsWrong;
}

int conclude(int status) {
  print(status == kIsFine ? "Nothing is wrong." : "The configuration is wrong, or cannot be used.");
  return status;
}

bool may(const std::string& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace samhain::config
