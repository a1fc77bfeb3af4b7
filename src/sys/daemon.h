#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::sys {

/// Opens /dev/null on each of the descriptors 0, 1 and 2 that the caller left closed, so that no
/// file or socket of ours ever sits there.  Call it first in main().
Result<void> open_standard_descriptors();

/// All but those three are somebody else's: a directory among them would lead out of a jail, and a
/// pipe would stay open for as long as we run.  Not for roles, which get theirs from us.
/// Errors: System.
Result<void> close_inherited_descriptors();

/// Raises the soft limit of open files to the hard one; roles started later inherit it.
Result<void> raise_descriptor_limit();

/// Puts this process into the background (fork, setsid, chdir /, stdin and stdout on /dev/null).
/// The command that was called stays until ready() or the process's end and then exits: 0 after
/// ready(), else with the status of the process.  stderr stays open until ready().
class Detached {
 public:
  static Result<Detached> detach();
  void ready();  ///< the caller's command exits with 0; stderr goes to /dev/null

 private:
  explicit Detached(UniqueFd pipe) : pipe_(std::move(pipe)) {}
  UniqueFd pipe_;
};

/// A file with our pid and a newline, mode 0644, locked (F_OFD_SETLK, fcntl(2)) while we live: the
/// lock decides who runs, the number only informs, so a pid that came round again misleads nobody.
class PidFile {
 public:
  /// Errors: Busy (another process holds it; the text has its pid), System.  Nothing is changed
  /// then.
  static Result<PidFile> create(const std::string& path);
  /// Empties and removes the file where it may; a process that gave up root can only empty it.
  void remove();

 private:
  PidFile(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  UniqueFd fd_;
};

/// The pid of the process that holds the pid file's lock; nothing if none does.
std::optional<pid_t> find_running(const std::string& pid_path);

/// What `start stop restart reload force-reload status` need to know of a daemon.
struct Controlled {
  std::string_view program;  ///< "samhain"
  std::string pid_path;
  std::span<const std::string> start;  ///< arguments for `start` after the program's own name
};

/// Carries out a control word and returns the exit status of LSB init scripts (docs: samhain(8)):
/// start: 0 running (also before, and after 300 s), else the daemon's own; stop: TERM, 16 s, KILL:
/// 0, also if none ran; reload: 0, 7 not running; status: 0 running, 1 dead with pid file, 3
/// stopped; 4 not permitted (the kernel decides: an ordinary user controls daemons of his own);
/// nothing if `word` is no control word.
std::optional<int> run_control_word(std::string_view word, const Controlled& daemon);

}  // namespace samhain::sys
