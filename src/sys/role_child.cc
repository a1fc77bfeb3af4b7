#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <utility>

#include "base/codec.h"
#include "sys/file.h"
#include "sys/role.h"

namespace samhain::sys {
namespace {

constexpr std::string_view kOption = "--role=";

/// Nobody but our parent may give us work: someone who calls us by hand has no such socket.
Result<void> check_parent() {
  ucred peer{};
  socklen_t size = sizeof peer;
  int domain = 0;
  socklen_t domain_size = sizeof domain;
  const bool is_ours =
      getsockopt(kRoleChannel, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0 &&
      domain == AF_UNIX && getsockopt(kRoleChannel, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
      peer.pid == getppid();
  if (is_ours) return {};
  return Error{Error::Kind::Refused, "a role is started by its own program only"};
}

/// Exactly so many bytes: what follows belongs to the Channel that is opened later.
Result<void> receive_exactly(std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const ssize_t size = recv(kRoleChannel, into.data(), into.size(), MSG_WAITALL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("recv", errno);
    if (size == 0) return Error{Error::Kind::Missing, "the parent is gone"};
    into = into.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

/// What went wrong up to here was told there.  Later it would keep whoever started the daemon
/// waiting for the end of its output: `yule start 2>&1 | cat`.
Result<void> let_go_of_stderr() {
#ifndef WITH_SANITIZERS  // they have no other place to report to
  if (dup3(STDOUT_FILENO, STDERR_FILENO, 0) < 0) return system_error("dup3", errno);
#endif
  return {};
}

}  // namespace

std::optional<std::string> role_asked_for(int argc, char** argv) {
  if (argc != 2) return std::nullopt;
  const std::string_view argument = argv[1];
  if (!argument.starts_with(kOption)) return std::nullopt;
  return std::string{argument.substr(kOption.size())};
}

Result<Bytes> receive_set_up() {
  if (const auto checked = check_parent(); !checked) return checked.error();
  // Executed by its descriptor (in a jail) it would show as that number in ps(1).
  if (prctl(PR_SET_NAME, program_invocation_short_name) != 0) {
    return system_error("PR_SET_NAME", errno);
  }
  std::array<std::uint8_t, ChannelHeader::kSize> raw{};
  if (const auto received = receive_exactly(raw); !received) return received.error();
  const auto header = ChannelHeader::read(raw);
  if (header.kind != kSetUp || header.descriptors != 0 || header.length > Channel::kMaxMessage) {
    return Error{Error::Kind::Malformed, "no set-up came first"};
  }
  Bytes payload(header.length);
  if (const auto received = receive_exactly(payload); !received) return received.error();
  return payload;
}

Result<UniqueFd> announce_ready(std::string_view missing_barriers) {
  base::Writer text;
  text.text(missing_barriers);
  Bytes message;
  ChannelHeader{.length = static_cast<std::uint32_t>(text.size()), .kind = kReady, .descriptors = 0}
      .append_to(message);
  message.insert(message.end(), text.view().begin(), text.view().end());
  if (const auto silenced = let_go_of_stderr(); !silenced) return silenced.error();
  if (const auto written = write_all(kRoleChannel, message); !written) return written.error();
  return UniqueFd{kRoleChannel};
}

}  // namespace samhain::sys
