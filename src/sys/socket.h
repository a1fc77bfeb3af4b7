#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::sys {

/// An IPv4 or IPv6 address with a port.  An IPv4 address in IPv6 clothes (::ffff:a.b.c.d) is IPv4.
class Address {
 public:
  Address() = default;
  static std::optional<Address> from(const sockaddr* raw, socklen_t size);
  static std::optional<Address> parse(std::string_view numeric, std::uint16_t port);

  std::string text() const;  ///< without the port: "127.0.0.1", "::1"
  std::uint16_t port() const;
  Address with_port(std::uint16_t port) const;
  int family() const { return storage_.ss_family; }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// Listening TCP sockets, close-on-exec and non-blocking: on `address` alone, or with none given on
/// all addresses, IPv6 and IPv4 each on a socket of its own (a host without IPv6 gets one).
/// Port 0: the kernel chooses one, the same for both.
/// Errors: System; the text names address and port.
Result<std::vector<UniqueFd>> listen_tcp(const std::optional<Address>& address, std::uint16_t port);

/// UDP sockets to receive from, likewise.
Result<std::vector<UniqueFd>> bind_udp(const std::optional<Address>& address, std::uint16_t port);

/// A non-blocking connection under way: when it becomes writable, ask connect_result().
Result<UniqueFd> begin_connect(const Address& to, const std::optional<Address>& from);
Result<void> connect_result(int fd);

/// The other end's address.
Result<Address> peer_of(int fd);

/// A listening Unix stream socket at `path` with `mode`; one left by a dead process is replaced.
/// Errors: Busy (somebody answers there), System.
Result<UniqueFd> listen_unix(const std::string& path, mode_t mode);
Result<UniqueFd> connect_unix(const std::string& path);
/// The uid at the other end of a Unix socket (SO_PEERCRED).
Result<uid_t> peer_uid(int fd);

}  // namespace samhain::sys
