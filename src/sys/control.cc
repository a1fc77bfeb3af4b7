#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>
#include <vector>

#include "sys/daemon.h"
#include "sys/pidfd.h"

namespace samhain::sys {
namespace {

using namespace std::chrono_literals;

// Exit statuses of LSB init scripts (Linux Standard Base, "Init Script Actions").
constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kDeadWithPidFile = 1;
constexpr int kStopped = 3;
constexpr int kNotPermitted = 4;
constexpr int kNotRunning = 7;

constexpr std::chrono::milliseconds kStartPatience = 300s;
constexpr std::chrono::milliseconds kTermPatience = 16s;
constexpr std::chrono::milliseconds kKillPatience = 5s;

/// True once the process behind `pidfd` has ended.
bool ends_within(int pidfd, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd end{pidfd, POLLIN, 0};
    const int count = poll(&end, 1, static_cast<int>(std::max(left, 0ms).count()));
    if (count > 0) return true;
    if (count == 0 || errno != EINTR) return false;
  }
}

int start(const Controlled& daemon) {
  if (find_running(daemon.pid_path)) return kDone;
  std::vector<std::string> arguments{std::string{daemon.program}};
  arguments.insert(arguments.end(), daemon.start.begin(), daemon.start.end());
  std::vector<char*> raw;
  raw.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);

  const pid_t pid = fork();
  if (pid < 0) return kFailed;
  if (pid == 0) {
    execv("/proc/self/exe", raw.data());
    _exit(kFailed);
  }
  const UniqueFd pidfd = open_pidfd(pid);
  // As the original does: after this long it is taken for running, and its log tells the rest.
  if (pidfd && !ends_within(pidfd.get(), kStartPatience)) return kDone;
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return kFailed;
  return WEXITSTATUS(status);
}

/// Signals the daemon; its pid was read while its lock was held, and the pidfd pins that process.
int send(const Controlled& daemon, int signal, UniqueFd& pidfd) {
  const auto pid = find_running(daemon.pid_path);
  if (!pid) return kNotRunning;
  pidfd = open_pidfd(*pid);
  if (!pidfd || find_running(daemon.pid_path) != pid) return kNotRunning;
  if (signal_pidfd(pidfd.get(), signal) == 0) return kDone;
  if (errno == ESRCH) return kNotRunning;
  return errno == EPERM ? kNotPermitted : kFailed;
}

int stop(const Controlled& daemon) {
  UniqueFd pidfd;
  const int sent = send(daemon, SIGTERM, pidfd);
  if (sent == kNotRunning) return kDone;
  if (sent != kDone) return sent;
  if (ends_within(pidfd.get(), kTermPatience)) return kDone;
  signal_pidfd(pidfd.get(), SIGKILL);
  return ends_within(pidfd.get(), kKillPatience) ? kDone : kFailed;
}

int restart(const Controlled& daemon) {
  const int stopped = stop(daemon);
  return stopped == kDone ? start(daemon) : stopped;
}

int reload(const Controlled& daemon) {
  UniqueFd pidfd;
  return send(daemon, SIGHUP, pidfd);
}

int status(const Controlled& daemon) {
  if (find_running(daemon.pid_path)) return kDone;
  // An empty one was left by a server that had given up the right to remove it.
  struct stat facts {};
  if (stat(daemon.pid_path.c_str(), &facts) != 0) {
    return errno == EACCES ? kNotPermitted : kStopped;
  }
  return facts.st_size > 0 ? kDeadWithPidFile : kStopped;
}

struct Word {
  std::string_view word;
  int (*action)(const Controlled&);
};
constexpr std::array<Word, 6> kWords = {{{"start", start},
                                         {"stop", stop},
                                         {"restart", restart},
                                         {"reload", reload},
                                         {"force-reload", reload},
                                         {"status", status}}};

}  // namespace

std::optional<int> run_control_word(std::string_view word, const Controlled& daemon) {
  const auto found = std::find_if(kWords.begin(), kWords.end(),
                                  [word](const Word& known) { return known.word == word; });
  if (found == kWords.end()) return std::nullopt;
  return found->action(daemon);
}

}  // namespace samhain::sys
