#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace samhain::sys {
namespace {

constexpr std::size_t kFirstRoom = 4'096;

/// Fills the new file; whoever calls removes it again on an error.
Result<void> fill(int fd, ByteView bytes, mode_t mode) {
  if (auto written = write_all(fd, bytes); !written) return written;
  if (fchmod(fd, mode) != 0) return system_error("fchmod", errno);
  if (fsync(fd) != 0) return system_error("fsync", errno);
  return {};
}

Result<UniqueFd> open_regular_file(const std::string& path, int flags, struct stat& facts) {
  UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags)};
  if (!fd || fstat(fd.get(), &facts) != 0) return system_error(path, errno);
  if (!S_ISREG(facts.st_mode)) return Error{Error::Kind::Refused, path + ": no regular file"};
  return fd;
}

Result<Bytes> read_all_of(const std::string& path, int fd, std::size_t limit) {
  auto bytes = read_all(fd, limit);
  if (!bytes) return bytes.error().within("file", path);
  return bytes;
}

}  // namespace

bool is_directory(int fd) {
  struct stat facts {};
  return fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode);
}

Result<Bytes> read_all(int fd, std::size_t limit) {
  assert(limit < SIZE_MAX);
  // One byte of room more than the file is said to have lets one read(2) find its end.
  struct stat facts {};
  std::size_t room = kFirstRoom;
  if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
    room = static_cast<std::size_t>(facts.st_size) + 1;
  }
  Bytes bytes(std::min(room, limit + 1));
  std::size_t size = 0;
  for (;;) {
    if (size > limit) return Error{Error::Kind::Limit, "file is too large"};
    if (size == bytes.size()) bytes.resize(std::min(size * 2, limit + 1));
    const ssize_t got = read(fd, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

Result<Bytes> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!fd) return system_error(path, errno);
  return read_all_of(path, fd.get(), limit);
}

Result<Bytes> read_regular_file(const std::string& path, std::size_t limit) {
  struct stat facts {};
  const auto fd = open_regular_file(path, 0, facts);
  if (!fd) return fd.error();
  return read_all_of(path, fd->get(), limit);
}

Result<Bytes> read_own_file(const std::string& path, std::size_t limit) {
  struct stat facts {};
  const auto fd = open_regular_file(path, O_NOFOLLOW, facts);
  if (!fd) return fd.error();
  if (facts.st_uid != geteuid() || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{Error::Kind::Refused, path + ": others may have written it"};
  }
  return read_all_of(path, fd->get(), limit);
}

Result<void> write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_file_atomically(const std::string& path, ByteView bytes, mode_t mode) {
  std::string beside = path + ".XXXXXX";
  const UniqueFd fd{mkostemp(beside.data(), O_CLOEXEC)};
  if (!fd) return system_error(path, errno);
  if (const auto filled = fill(fd.get(), bytes, mode); !filled) {
    unlink(beside.c_str());
    return filled.error().within("file", path);
  }
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(beside.c_str());
    return system_error(path, error);
  }
  return flush_directory_of(path);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> flush_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const UniqueFd fd{open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return system_error(directory, errno);
  if (fsync(fd.get()) != 0) return system_error(directory, errno);
  return {};
}

}  // namespace samhain::sys
