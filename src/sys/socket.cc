#include "sys/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include <array>
#include <utility>

namespace samhain::sys {
namespace {

constexpr int kBacklog = 1'024;
constexpr int kTries = 10;

Address any_address(int family, std::uint16_t port) {
  return *Address::parse(family == AF_INET6 ? "::" : "0.0.0.0", port);
}

Result<void> switch_on(int fd, int level, int option, std::string_view name) {
  const int on = 1;
  if (setsockopt(fd, level, option, &on, sizeof on) != 0) return system_error(name, errno);
  return {};
}

Result<UniqueFd> open_stream(int family) {
  UniqueFd fd{socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return system_error("socket", errno);
  return fd;
}

Result<UniqueFd> listen_at(const Address& address) {
  auto fd = open_stream(address.family());
  if (!fd) return fd.error();
  // A restarted server takes its port back from connections that are still winding down.
  if (auto on = switch_on(fd->get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"); !on) {
    return on.error();
  }
  if (address.family() == AF_INET6) {
    if (auto on = switch_on(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"); !on) {
      return on.error();
    }
  }
  if (bind(fd->get(), address.raw(), address.size()) != 0 || listen(fd->get(), kBacklog) != 0) {
    return system_error(fmt::format("address {} port {}", address.text(), address.port()), errno);
  }
  return fd;
}

/// Without SO_REUSEADDR, which would let two receivers have the port.
Result<UniqueFd> bind_datagram(const Address& address) {
  UniqueFd fd{socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return system_error("socket", errno);
  if (address.family() == AF_INET6) {
    if (auto on = switch_on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"); !on) {
      return on.error();
    }
  }
  if (bind(fd.get(), address.raw(), address.size()) != 0) {
    return system_error(fmt::format("address {} UDP port {}", address.text(), address.port()),
                        errno);
  }
  return fd;
}

Result<std::uint16_t> port_of(int fd) {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) {
    return system_error("getsockname", errno);
  }
  const auto address = Address::from(reinterpret_cast<const sockaddr*>(&raw), size);
  if (!address) return Error{Error::Kind::Malformed, "socket without an address"};
  return address->port();
}

/// IPv6 is switched off here, in the kernel or on every interface.
bool is_without_family(const Error& error) {
  return error.sys_errno == EAFNOSUPPORT || error.sys_errno == EADDRNOTAVAIL;
}

Result<std::vector<UniqueFd>> listen_everywhere(std::uint16_t port) {
  std::vector<UniqueFd> listeners;
  auto six = listen_at(any_address(AF_INET6, port));
  if (!six && !is_without_family(six.error())) return six.error();
  if (six) {
    const auto chosen = port_of(six->get());
    if (!chosen) return chosen.error();
    port = *chosen;
    listeners.push_back(std::move(*six));
  }
  auto four = listen_at(any_address(AF_INET, port));
  if (!four) return four.error();
  listeners.push_back(std::move(*four));
  return listeners;
}

}  // namespace

std::optional<Address> Address::from(const sockaddr* raw, socklen_t size) {
  Address address;
  if (raw->sa_family == AF_INET && size >= static_cast<socklen_t>(sizeof(sockaddr_in))) {
    address.size_ = sizeof(sockaddr_in);
    memcpy(&address.storage_, raw, address.size_);
    return address;
  }
  if (raw->sa_family != AF_INET6 || size < static_cast<socklen_t>(sizeof(sockaddr_in6))) {
    return std::nullopt;
  }
  sockaddr_in6 six{};
  memcpy(&six, raw, sizeof six);
  if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
    address.size_ = sizeof six;
    memcpy(&address.storage_, &six, sizeof six);
    return address;
  }
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = six.sin6_port;
  memcpy(&four.sin_addr, &six.sin6_addr.s6_addr[12], sizeof four.sin_addr);
  address.size_ = sizeof four;
  memcpy(&address.storage_, &four, sizeof four);
  return address;
}

std::optional<Address> Address::parse(std::string_view numeric, std::uint16_t port) {
  const std::string text{numeric};
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  if (inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    return from(reinterpret_cast<const sockaddr*>(&four), sizeof four);
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  if (inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
    return from(reinterpret_cast<const sockaddr*>(&six), sizeof six);
  }
  return std::nullopt;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* number = nullptr;
  if (family() == AF_INET) number = &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr;
  if (family() == AF_INET6) number = &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr;
  if (number == nullptr) return {};
  inet_ntop(family(), number, text.data(), text.size());
  return text.data();
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() != AF_INET6) return 0;
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
}

Address Address::with_port(std::uint16_t port) const {
  Address address = *this;
  if (family() == AF_INET) {
    reinterpret_cast<sockaddr_in*>(&address.storage_)->sin_port = htons(port);
  } else if (family() == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&address.storage_)->sin6_port = htons(port);
  }
  return address;
}

Result<std::vector<UniqueFd>> listen_tcp(const std::optional<Address>& address,
                                         std::uint16_t port) {
  if (!address) {
    auto listeners = listen_everywhere(port);
    // The port that the kernel chose for IPv6 may be taken for IPv4: let it choose again.
    for (int i = 1; port == 0 && !listeners && i < kTries; ++i) listeners = listen_everywhere(port);
    return listeners;
  }
  auto only = listen_at(address->with_port(port));
  if (!only) return only.error();
  std::vector<UniqueFd> listeners;
  listeners.push_back(std::move(*only));
  return listeners;
}

Result<std::vector<UniqueFd>> bind_udp(const std::optional<Address>& address, std::uint16_t port) {
  std::vector<UniqueFd> sockets;
  if (!address) {
    auto six = bind_datagram(any_address(AF_INET6, port));
    if (!six && !is_without_family(six.error())) return six.error();
    if (six) sockets.push_back(std::move(*six));
  }
  auto last = bind_datagram(address ? address->with_port(port) : any_address(AF_INET, port));
  if (!last) return last.error();
  sockets.push_back(std::move(*last));
  return sockets;
}

Result<UniqueFd> begin_connect(const Address& to, const std::optional<Address>& from) {
  auto fd = open_stream(to.family());
  if (!fd) return fd.error();
  // Reports are small and wait for their acknowledgement: no gathering in the kernel.
  if (auto on = switch_on(fd->get(), IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY"); !on) {
    return on.error();
  }
  if (from && bind(fd->get(), from->raw(), from->size()) != 0) {
    return system_error(fmt::format("local address {}", from->text()), errno);
  }
  if (connect(fd->get(), to.raw(), to.size()) != 0 && errno != EINPROGRESS) {
    return system_error(fmt::format("address {} port {}", to.text(), to.port()), errno);
  }
  return fd;
}

Result<void> connect_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return system_error("SO_ERROR", errno);
  }
  if (error != 0) return system_error("connect", error);
  return {};
}

Result<Address> peer_of(int fd) {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) {
    return system_error("getpeername", errno);
  }
  const auto address = Address::from(reinterpret_cast<const sockaddr*>(&raw), size);
  if (!address) return Error{Error::Kind::Malformed, "peer without an address"};
  return *address;
}

}  // namespace samhain::sys
