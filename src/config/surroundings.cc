#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "config/document.h"
#include "config/shell.h"
#include "samhain/handle.h"

namespace samhain::config {
namespace {

using Interfaces = Handle<ifaddrs, freeifaddrs>;

bool file_exists(const std::string& path) {
  struct stat facts {};
  return lstat(path.c_str(), &facts) == 0;
}

bool is_at(const sockaddr* address, const std::string& wanted) {
  if (address == nullptr) return false;
  in6_addr number{};  // long enough for both kinds
  if (inet_pton(address->sa_family, wanted.c_str(), &number) != 1) return false;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    memcpy(&v4, address, sizeof v4);
    return memcmp(&v4.sin_addr, &number, sizeof v4.sin_addr) == 0;
  }
  sockaddr_in6 v6{};
  memcpy(&v6, address, sizeof v6);
  return memcmp(&v6.sin6_addr, &number, sizeof v6.sin6_addr) == 0;
}

bool interface_exists(const std::string& address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  const Interfaces owner{list};
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (is_at(one->ifa_addr, address)) return true;
  }
  return false;
}

bool command_succeeds(const std::string& command) {
  const auto outcome = run_shell(command, kShellLimit);
  return outcome && outcome->succeeded;
}

Result<std::string> command_output(const std::string& command) {
  auto outcome = run_shell(command, kShellLimit);
  if (!outcome) return outcome.error();
  if (!outcome->succeeded) return Error{Error::Kind::Refused, "its exit status is not 0"};
  return std::move(outcome->first_line);
}

std::string system_name() {
  utsname names{};
  if (uname(&names) != 0) return {};
  return fmt::format("{}:{}:{}", names.sysname, names.release, names.machine);
}

}  // namespace

Surroundings real_surroundings(std::string host_name) {
  return Surroundings{std::move(host_name), system_name(),    file_exists,
                      interface_exists,     command_succeeds, command_output};
}

}  // namespace samhain::config
