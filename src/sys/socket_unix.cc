#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/socket.h"

namespace samhain::sys {
namespace {

constexpr int kBacklog = 32;

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{Error::Kind::Limit, fmt::format("{}: too long for a socket", path)};
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> open_unix(int more_flags) {
  UniqueFd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | more_flags, 0)};
  if (!fd) return system_error("socket", errno);
  return fd;
}

/// Removes a socket that nobody answers at; anything else that has the name stays.
Result<void> clear_the_way(const std::string& path) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return system_error(path, errno);
  }
  if (!S_ISSOCK(facts.st_mode)) {
    return Error{Error::Kind::Busy, fmt::format("{}: exists and is no socket", path)};
  }
  auto answer = connect_unix(path);
  if (answer) return Error{Error::Kind::Busy, fmt::format("{}: somebody answers there", path)};
  // Refused: nobody listens.  With a full queue (EAGAIN) somebody does.
  if (answer.error().sys_errno != ECONNREFUSED) return answer.error();
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(path, errno);
  return {};
}

/// By the umask, and not by chmod(2): whoever may write the directory could have put another file
/// under the name in between.
Result<void> bind_with_mode(int fd, const sockaddr_un& address, mode_t mode) {
  const mode_t before = umask(~mode & 0777);
  const int done = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  (void)umask(before);
  if (done != 0) return system_error("bind", error);
  return {};
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, mode_t mode) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  auto fd = open_unix(SOCK_NONBLOCK);
  if (!fd) return fd.error();
  if (auto cleared = clear_the_way(path); !cleared) return cleared.error();
  if (auto bound = bind_with_mode(fd->get(), *address, mode); !bound) {
    return bound.error().within("socket", path);
  }
  if (listen(fd->get(), kBacklog) != 0) return system_error(path, errno);
  return fd;
}

Result<UniqueFd> connect_unix(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  auto fd = open_unix(0);
  if (!fd) return fd.error();
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return system_error(path, errno);
  }
  return fd;
}

Result<uid_t> peer_uid(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return system_error("SO_PEERCRED", errno);
  }
  return peer.uid;
}

}  // namespace samhain::sys
