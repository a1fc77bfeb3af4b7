#include "sys/remover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "sys/pidfd.h"
#include "sys/sandbox.h"

namespace samhain::sys {
namespace {

constexpr int kPatienceMs = 2'000;

struct Place {
  std::string path;
  struct stat facts {};
};

bool is_still_there(const Place& place) {
  struct stat now {};
  return lstat(place.path.c_str(), &now) == 0 && now.st_dev == place.facts.st_dev &&
         now.st_ino == place.facts.st_ino;
}

/// Only its order stays open: no terminal, log or lock lives longer because of it.
bool let_go_of_descriptors(int order) {
  return dup2(order, STDIN_FILENO) == STDIN_FILENO && close_range(STDIN_FILENO + 1, ~0U, 0) == 0;
}

/// The terminal's keys and systemd's end of a whole service are for the server, whose end is ours.
void ignore_signals() {
  for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2}) {
    (void)signal(number, SIG_IGN);
  }
}

/// A byte is the order; without one the server was killed, and leaves what it left before.
[[noreturn]] void wait_and_remove(const std::vector<Place>& places,
                                  const std::optional<Identity>& identity, int order) {
  ignore_signals();
  if (!let_go_of_descriptors(order)) _exit(1);
  if (identity && !drop_root(*identity)) _exit(1);
  if (!restrain_parent({})) _exit(1);
  char word = 0;
  ssize_t size = 0;
  do {
    size = read(STDIN_FILENO, &word, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) _exit(0);
  for (const Place& place : places) {
    if (is_still_there(place)) (void)unlink(place.path.c_str());
  }
  _exit(0);
}

}  // namespace

Result<Remover> Remover::start(const std::vector<std::string>& paths,
                               const std::optional<Identity>& identity) {
  std::vector<Place> places;
  for (const std::string& path : paths) {
    Place place{.path = path};
    if (lstat(path.c_str(), &place.facts) != 0) return system_error(path, errno);
    places.push_back(std::move(place));
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("pipe2", errno);
  const UniqueFd reading{ends[0]};
  UniqueFd writing{ends[1]};
  const pid_t pid = fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) wait_and_remove(places, identity, reading.get());
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd) return system_error("pidfd_open", errno);  // it ends with its pipe
  return Remover{pid, std::move(pidfd), std::move(writing)};
}

void Remover::remove() {
  const char word = 1;
  // It can only fail because the process was killed; then the files stay.
  while (write(order_.get(), &word, 1) < 0 && errno == EINTR) continue;
  order_.reset();
  pollfd end{pidfd_.get(), POLLIN, 0};
  while (poll(&end, 1, kPatienceMs) < 0 && errno == EINTR) continue;
  (void)waitpid(pid_, nullptr, WNOHANG);
}

}  // namespace samhain::sys
