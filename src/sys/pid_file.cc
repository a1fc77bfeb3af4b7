#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "sys/daemon.h"
#include "sys/file.h"

namespace samhain::sys {
namespace {

constexpr mode_t kMode = 0644;
constexpr int kTries = 10;
constexpr std::size_t kLongestNumber = 32;

/// Locks of the open file (F_OFD_SETLK, fcntl(2)): unlike flock(2) one can be asked for without
/// taking it, so that `status` never keeps a daemon that just starts from its own lock.
struct flock whole_file(int type) {
  struct flock lock {};
  lock.l_type = static_cast<short>(type);
  lock.l_whence = SEEK_SET;
  return lock;
}

bool is_locked(int fd) {
  struct flock lock = whole_file(F_WRLCK);
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::optional<pid_t> read_pid(int fd) {
  std::array<char, kLongestNumber> text{};
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  if (size <= 0) return std::nullopt;
  const std::string_view whole{text.data(), static_cast<std::size_t>(size)};
  const auto pid = base::to_number<pid_t>(whole.substr(0, whole.find('\n')));
  if (!pid || *pid <= 1) return std::nullopt;
  return pid;
}

/// The name still leads to the file that we locked: its last owner may just have removed it.
bool is_still_at(const std::string& path, int fd) {
  struct stat ours {};
  struct stat there {};
  return fstat(fd, &ours) == 0 && lstat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

/// A pid file that somebody left, or a new one: nothing in it but a number and white space.  What
/// else a path may lead to by mistake is not ours to write over.
bool may_be_pid_file(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  std::array<char, kLongestNumber + 1> text{};
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  if (size < 0 || static_cast<std::size_t>(size) > kLongestNumber) return false;
  const std::string_view number =
      base::trim(std::string_view{text.data(), static_cast<std::size_t>(size)});
  return number.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<void> write_pid(int fd) {
  if (fchmod(fd, kMode) != 0) return system_error("fchmod", errno);
  if (ftruncate(fd, 0) != 0) return system_error("ftruncate", errno);
  const std::string text = fmt::format("{}\n", getpid());
  return write_all(fd, as_bytes(text));
}

}  // namespace

Result<PidFile> PidFile::create(const std::string& path) {
  for (int i = 0; i < kTries; ++i) {
    UniqueFd fd{open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, kMode)};
    if (!fd) return system_error(path, errno);
    struct flock lock = whole_file(F_WRLCK);
    if (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno != EAGAIN && errno != EACCES) return system_error(path, errno);
      const auto pid = read_pid(fd.get());
      return Error{Error::Kind::Busy, fmt::format("{}: held by process {}", path,
                                                  pid ? fmt::format("{}", *pid) : "?")};
    }
    if (!is_still_at(path, fd.get())) continue;
    if (!may_be_pid_file(fd.get())) {
      return Error{Error::Kind::Refused,
                   fmt::format("{}: holds something else than a process number; set another path "
                               "for the pid file, or remove that file",
                               path)};
    }
    if (const auto written = write_pid(fd.get()); !written) {
      return written.error().within("pid file", path);
    }
    return PidFile{path, std::move(fd)};
  }
  return Error{Error::Kind::Busy, fmt::format("{}: comes and goes", path)};
}

void PidFile::remove() {
  // Where neither works the lock still tells everybody that we are gone.
  if (ftruncate(fd_.get(), 0) != 0) return;
  if (is_still_at(path_, fd_.get())) unlink(path_.c_str());
}

std::optional<pid_t> find_running(const std::string& pid_path) {
  // Between taking the lock and writing the number a daemon needs a moment.
  constexpr int kPatience = 100;
  for (int i = 0; i < kPatience; ++i) {
    const UniqueFd fd{open(pid_path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!fd || !is_locked(fd.get())) return std::nullopt;
    if (const auto pid = read_pid(fd.get())) return pid;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return std::nullopt;
}

}  // namespace samhain::sys
