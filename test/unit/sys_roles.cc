#include "unit/sys_roles.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "sys/daemon.h"
#include "sys/role.h"
#include "sys/sandbox.h"

extern char** environ;

namespace samhain::sys::testing {
namespace {

constexpr int kRefused = 2;
constexpr int kFails = 5;

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

/// A role with every barrier, which then waits for its end.
int run_locked() {
  if (!receive_set_up()) return kRefused;
  const auto barriers =
      lock_in(Confinement{.role = "locked", .has_empty_root = true, .may_share_user = true});
  if (!barriers) return EXIT_FAILURE;
  const auto fd = announce_ready(barriers->text());
  if (!fd) return EXIT_FAILURE;
  char none = 0;
  return read(fd->get(), &none, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int run_role(const std::string& name) {
  if (name == "echo") return run_echo();
  if (name == "locked") return run_locked();
  return kRefused;
}

int run_daemon(const std::string& pid_path, const std::string& manner) {
  auto detached = Detached::detach();
  if (!detached) return EXIT_FAILURE;
  if (manner == "fails") return kFails;
  if (manner == "dies") raise(SIGKILL);
  auto loop = Loop::create();
  auto file = PidFile::create(pid_path);
  if (!loop || !file) return EXIT_FAILURE;
  if (!(*loop)->on_signal(SIGTERM, [&] { (*loop)->stop(); })) return EXIT_FAILURE;
  if (!(*loop)->on_signal(SIGHUP, [] {})) return EXIT_FAILURE;
  detached->ready();
  (*loop)->run();
  file->remove();
  return EXIT_SUCCESS;
}

}  // namespace samhain::sys::testing
