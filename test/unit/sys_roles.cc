#include "unit/sys_roles.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "sys/role.h"

extern char** environ;

namespace samhain::sys::testing {
namespace {

constexpr int kRefused = 2;

/// Says in the place of missing barriers what a role must not have inherited.
std::string inherited() {
  std::string text;
  for (int fd = kRoleChannel + 1; fd < 100; ++fd) {
    if (close(fd) == 0) text += " descriptor " + std::to_string(fd);
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    text.append(" ").append(*variable);
  }
  return text;
}

/// Answers each message with itself, until it is told otherwise.
int run_echo() {
  auto set_up = receive_set_up();
  if (!set_up) return kRefused;
  const std::string missing = inherited();
  auto fd = announce_ready(missing);
  auto loop = Loop::create();
  if (!fd || !loop) return EXIT_FAILURE;

  static constexpr std::array<Rule, 3> kRules = {
      {{kEcho, 0, Channel::kMaxMessage, 0}, {kExit, 0, 0, 0}, {kBreach, 0, 0, 0}}};
  int status = EXIT_SUCCESS;
  std::unique_ptr<Channel> channel;
  auto opened = Channel::open(
      **loop, std::move(*fd), kRules,
      [&](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
        if (kind == kEcho) return channel->send(kEcho, payload);
        if (kind == kBreach) return channel->send(99, {});
        channel->send(kEcho, *set_up);
        status = 3;
        (*loop)->stop();
      },
      [&](const Error&) { (*loop)->stop(); });
  if (!opened) return EXIT_FAILURE;
  channel = std::move(*opened);
  (*loop)->run();
  return status;
}

}  // namespace

int run_role(const std::string& name) {
  if (name == "echo") return run_echo();
  return kRefused;
}

}  // namespace samhain::sys::testing
