#include "sys/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/utsname.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "samhain/handle.h"

namespace samhain::sys {
namespace {

using AddressList = Handle<addrinfo, freeaddrinfo>;

constexpr std::string_view kLastResort = "127.0.0.1";

Error missing(const std::string& what, int code) {
  return Error{Error::Kind::Missing, what + ": " + gai_strerror(code)};
}

Result<AddressList> ask(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    return missing(host, code);
  }
  return AddressList{list};
}

}  // namespace

Result<std::vector<Address>> addresses_of(const std::string& host, std::uint16_t port) {
  const auto list = ask(host, 0);
  if (!list) return list.error();
  std::vector<Address> addresses;
  for (const addrinfo* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
    const auto address = Address::from(entry->ai_addr, entry->ai_addrlen);
    if (address) addresses.push_back(address->with_port(port));
  }
  if (addresses.empty()) return Error{Error::Kind::Missing, host + ": no address"};
  return addresses;
}

Result<std::string> name_of(const Address& address) {
  std::array<char, NI_MAXHOST> name{};
  const int code =
      getnameinfo(address.raw(), address.size(), name.data(), name.size(), nullptr, 0, NI_NAMEREQD);
  if (code != 0) return missing(address.text(), code);
  return base::lower(name.data());
}

Result<std::string> canonical_name_of(const std::string& host) {
  const auto list = ask(host, AI_CANONNAME);
  if (!list) return list.error();
  const char* name = (*list)->ai_canonname;
  if (name == nullptr) return Error{Error::Kind::Missing, host + ": no canonical name"};
  return base::lower(name);
}

std::string own_name() {
  utsname names{};
  if (uname(&names) != 0) return std::string{kLastResort};
  const std::string node = names.nodename;
  if (const auto name = canonical_name_of(node); name && name->find('.') != std::string::npos) {
    return *name;
  }
  if (const auto addresses = addresses_of(node, 0)) return addresses->front().text();
  return std::string{kLastResort};
}

}  // namespace samhain::sys
