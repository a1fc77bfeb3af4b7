// LogFile::settle(): what a killed server left in its log.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "crypto/digest.h"
#include "samhain/bytes.h"
#include "sink/log_file.h"

namespace samhain::sink {
namespace {

using Directory = Handle<DIR, closedir>;
constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

bool is_announced(const struct stat& facts, const Landing& landing) {
  return S_ISREG(facts.st_mode) && facts.st_dev == landing.device && facts.st_ino == landing.inode;
}

/// The file at `name` if it is the announced one; no descriptor if it is another or none.
Result<UniqueFd> open_announced(int directory, const char* name, const Landing& landing) {
  UniqueFd fd{openat(directory, name, kFlags)};
  if (!fd) {
    const int error = errno;
    if (error == ENOENT) return fd;
    return system_error(std::string{"open "} + name, error);
  }
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) {
    const int error = errno;
    return system_error(std::string{"stat "} + name, error);
  }
  if (!is_announced(facts, landing)) fd.reset();
  return fd;
}

/// Looks through the directory for the file under another name (logrotate's `.1`).
Result<UniqueFd> find_moved(const std::string& path, const Landing& landing) {
  const auto slash = path.rfind('/');
  const std::string where = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Directory directory{opendir(where.c_str())};
  if (directory == nullptr) {
    const int error = errno;
    return system_error("open " + where, error);
  }
  const int fd = dirfd(directory.get());
  while (const dirent* entry = readdir(directory.get())) {
    struct stat facts {};
    const char* const name = &entry->d_name[0];
    if (fstatat(fd, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (is_announced(facts, landing)) return open_announced(fd, name, landing);
  }
  return UniqueFd{};
}

/// Is the announced batch at its place, whole and unaltered?
Result<bool> has_batch(int fd, const Landing& landing) {
  crypto::Sha256 sha;
  std::array<std::uint8_t, 65'536> buffer{};
  std::uint64_t done = 0;
  while (done < landing.length) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(landing.length - done, buffer.size()));
    const ssize_t got = pread(fd, buffer.data(), wanted, static_cast<off_t>(landing.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      return system_error("read", error);
    }
    if (got == 0) return false;
    sha.update(ByteView{buffer}.first(static_cast<std::size_t>(got)));
    done += static_cast<std::uint64_t>(got);
  }
  return sha.finish() == landing.digest;
}

/// Cuts off what is there of the batch.  More than the batch can leave is not ours to remove.
Result<bool> cut_off(int fd, const Landing& landing) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) {
    const int error = errno;
    return system_error("stat", error);
  }
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size <= landing.offset || size > landing.offset + landing.length) return false;
  if (ftruncate(fd, static_cast<off_t>(landing.offset)) != 0 || fdatasync(fd) != 0) {
    const int error = errno;
    return system_error("cut off a torn batch", error);
  }
  return false;
}

}  // namespace

Result<bool> LogFile::settle(const std::string& path, const Landing& landing) {
  if (landing.length == 0) return true;
  auto fd = open_announced(AT_FDCWD, path.c_str(), landing);
  if (fd && !*fd) fd = find_moved(path, landing);
  if (!fd) return fd.error().within("log file", path);
  if (!*fd) return false;
  auto found = has_batch(fd->get(), landing);
  if (found && !*found) found = cut_off(fd->get(), landing);
  if (!found) return found.error().within("log file", path);
  return found;
}

}  // namespace samhain::sink
