#include "server/libwrap.h"

#ifdef HAVE_LIBWRAP

#include <string.h>
#include <syslog.h>

#include <string>

extern "C" {
#include <tcpd.h>
}

// libwrap wants these two from the program: the severities of lines that its rules may log.  The
// header declares them in C; its own names silence the naming and the global-variable checks.
int allow_severity = LOG_INFO;    // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
int deny_severity = LOG_WARNING;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

namespace samhain::server {

bool is_allowed_by_libwrap(const sys::Address& peer) {
  const std::string address = peer.text();
  sockaddr_storage copy{};
  memcpy(&copy, peer.raw(), peer.size());
  request_info request{};
  request_init(&request, RQ_DAEMON, "yule", RQ_CLIENT_ADDR, address.c_str(), RQ_CLIENT_SIN, &copy,
               0);
  // How to find the peer's name: only where a rule asks for it.
  sock_methods(&request);
  return hosts_access(&request) != 0;
}

}  // namespace samhain::server

#else

namespace samhain::server {

bool is_allowed_by_libwrap(const sys::Address& /*peer*/) { return true; }

}  // namespace samhain::server

#endif
