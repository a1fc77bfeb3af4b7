#include "sink/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "crypto/digest.h"
#include "report/catalog.h"
#include "samhain/bytes.h"
#include "sys/file.h"

namespace samhain::sink {
namespace {

constexpr mode_t kLogMode = 0640;
constexpr mode_t kLockMode = 0644;
/// How often the lock may be removed by its last holder between our open(2) and flock(2).
constexpr int kLockTries = 16;
constexpr std::string_view kCannotLook = "stat() failed";

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_at(const std::string& path, const struct stat& opened) {
  struct stat named {};
  return stat(path.c_str(), &named) == 0 && is_same_file(named, opened);
}

/// What is wrong with `path`; with its directory alone where that is enough, since the file itself
/// may not be there yet.
std::vector<sys::Distrust> distrust_of(const std::string& path, const std::vector<uid_t>& trusted) {
  auto found = sys::find_distrust(sys::directory_of(path), trusted);
  return found.empty() ? sys::find_distrust(path, trusted) : found;
}

Result<void> check_trust(const std::string& path, const std::vector<uid_t>& trusted) {
  const auto found = sys::find_distrust(path, trusted);
  // What cannot be looked at cannot be opened either, and open(2) then says why.
  if (found.empty() || found.front().message == kCannotLook) return {};
  return Error{Error::Kind::Refused, found.front().message + ": " + found.front().component};
}

/// Opens the log for appending; made 0640, whatever the umask, where it is not there.
Result<UniqueFd> open_log(const std::string& path) {
  // O_NONBLOCK: a FIFO in its place is refused below, not waited for.
  constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  UniqueFd fd{::open(path.c_str(), kFlags)};
  if (fd || errno != ENOENT) {
    const int error = errno;
    if (!fd) return system_error("open " + path, error);
    return fd;
  }
  fd.reset(::open(path.c_str(), kFlags | O_CREAT | O_EXCL, kLogMode));
  if (!fd) {
    const int error = errno;
    return system_error("create " + path, error);
  }
  if (fchmod(fd.get(), kLogMode) != 0) {
    const int error = errno;
    return system_error("set the mode of " + path, error);
  }
  const auto flushed = sys::flush_directory_of(path);
  if (!flushed) return flushed.error();
  return fd;
}

Result<struct stat> stat_of(int fd, std::string_view path) {
  struct stat facts {};
  if (fstat(fd, &facts) == 0) return facts;
  const int error = errno;
  return system_error("stat " + std::string{path}, error);
}

/// The disk and not the path is to blame: `File not accessible` would mislead.
bool is_disk_error(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EIO;
}

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::open(Settings settings) {
  std::unique_ptr<LogFile> log{new LogFile{std::move(settings)}};
  const auto trusted = check_trust(sys::directory_of(log->settings_.path), log->settings_.trusted);
  if (!trusted) return trusted.error();
  if (log->settings_.has_lock) {
    const auto locked = log->lock();
    if (!locked) return locked.error();
  }
  const auto opened = log->reopen();
  if (!opened) return opened.error();
  return log;
}

LogFile::~LogFile() {
  // Removed while it is still locked: whoever opened it meanwhile finds it gone and makes a new
  // one.
  if (lock_) (void)unlink(lock_path().c_str());
}

std::vector<Report> LogFile::explain_failure(const Settings& settings, const Error& error,
                                             std::int64_t time_ns) {
  const std::string user = std::to_string(geteuid());
  std::vector<Report> lines;
  if (error.kind == Error::Kind::Busy) {
    lines.push_back(report::make(
        report::kFileLockError, time_ns,
        {{"userid", user}, {"path", settings.path}, {"obj", settings.path + ".lock"}}));
  } else if (error.kind == Error::Kind::Refused) {
    for (const auto& [message, component] : distrust_of(settings.path, settings.trusted)) {
      lines.push_back(report::make_filled(
          report::kDistrusted, {message}, time_ns,
          {{"subroutine", "trustfile"}, {"path", settings.path}, {"obj", component}}));
    }
    lines.push_back(
        report::make(report::kUntrustedPath, time_ns, {{"userid", user}, {"path", settings.path}}));
  } else if (error.kind == Error::Kind::System && !is_disk_error(error.sys_errno)) {
    lines.push_back(report::make(report::kFileNotAccessible, time_ns,
                                 {{"userid", user}, {"path", settings.path}}));
  }
  return lines;
}

Result<void> LogFile::write(const Report& report) {
  std::string line = report::line_of(report, settings_.layout);
  if (pending_.size() + line.size() >= kMaxPending) {
    return Error{Error::Kind::Limit, "too many lines wait for the disk"};
  }
  if (pending_.empty() && ends_torn()) pending_ += '\n';
  pending_ += line;
  pending_ += '\n';
  return {};
}

Result<Landing> LogFile::landing() {
  const auto followed = follow_rotation();
  if (!followed) return followed.error();
  const auto offset = end_of_file();
  if (!offset) return offset.error();
  const auto facts = stat_of(fd_.get(), settings_.path);
  if (!facts) return facts.error();
  is_announced_ = true;
  return Landing{facts->st_dev, facts->st_ino, *offset, pending_.size(),
                 crypto::sha256(as_bytes(pending_))};
}

Result<void> LogFile::commit() {
  const bool is_announced = std::exchange(is_announced_, false);
  if (pending_.empty()) return {};
  if (!is_announced) {
    const auto followed = follow_rotation();
    if (!followed) return followed.error();
  }
  const auto offset = end_of_file();
  if (!offset) return offset.error();
  const auto written = write_batch(*offset);
  if (!written) return written.error();
  pending_.clear();
  return {};
}

Result<void> LogFile::follow_rotation() {
  const auto facts = stat_of(fd_.get(), settings_.path);
  if (!facts) return facts.error();
  return is_at(settings_.path, *facts) ? Result<void>{} : reopen();
}

Result<void> LogFile::lock() {
  for (int i = 0; i < kLockTries; ++i) {
    UniqueFd fd{::open(lock_path().c_str(),
                       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                       kLockMode)};
    if (!fd) {
      const int error = errno;
      return system_error("open " + lock_path(), error);
    }
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (error == EWOULDBLOCK) {
        return Error{Error::Kind::Busy, lock_path() + " is held by another process"};
      }
      return system_error("lock " + lock_path(), error);
    }
    const auto facts = stat_of(fd.get(), lock_path());
    if (!facts) return facts.error();
    if (!is_at(lock_path(), *facts)) continue;

    // The pid informs people only: a full disk must not keep us from logging elsewhere.
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd.get(), 0) == 0) (void)sys::write_all(fd.get(), as_bytes(pid));
    lock_ = std::move(fd);
    return {};
  }
  return Error{Error::Kind::Busy, lock_path() + " comes and goes"};
}

Result<void> LogFile::reopen() {
  const auto directory = check_trust(sys::directory_of(settings_.path), settings_.trusted);
  if (!directory) return directory.error();
  auto fd = open_log(settings_.path);
  if (!fd) return fd.error();
  const auto facts = stat_of(fd->get(), settings_.path);
  if (!facts) return facts.error();
  if (!S_ISREG(facts->st_mode)) {
    return Error{Error::Kind::Refused, "not a regular file: " + settings_.path};
  }
  const auto file = check_trust(settings_.path, settings_.trusted);
  if (!file) return file.error();
  fd_ = std::move(*fd);
  has_tail_ = false;
  return {};
}

Result<std::uint64_t> LogFile::end_of_file() {
  const auto facts = stat_of(fd_.get(), settings_.path);
  if (!facts) return facts.error();
  const auto size = static_cast<std::uint64_t>(facts->st_size);
  if (!has_tail_ || size <= tail_) {
    has_tail_ = false;
    return size;
  }
  if (ftruncate(fd_.get(), static_cast<off_t>(tail_)) != 0) {
    const int error = errno;
    return system_error("cut the torn batch off " + settings_.path, error);
  }
  has_tail_ = false;
  return tail_;
}

bool LogFile::ends_torn() const {
  struct stat facts {};
  if (fstat(fd_.get(), &facts) != 0 || facts.st_size == 0 || has_tail_) return false;
  char last = '\n';
  return pread(fd_.get(), &last, 1, facts.st_size - 1) == 1 && last != '\n';
}

Result<void> LogFile::write_batch(std::uint64_t offset) {
  auto written = sys::write_all(fd_.get(), as_bytes(pending_));
  if (written && fdatasync(fd_.get()) != 0) {
    const int error = errno;
    written = system_error("flush", error);
  }
  if (written) return {};
  tail_ = offset;
  has_tail_ = ftruncate(fd_.get(), static_cast<off_t>(offset)) != 0;
  return written.error().within("log file", settings_.path);
}

}  // namespace samhain::sink
