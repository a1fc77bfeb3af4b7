#include "server/file_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "sys/file.h"

namespace samhain::server {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

using Candidate = std::variant<StoredFile, Obstacle>;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * kNanoseconds + time.tv_nsec; }

FileKey key_of(const struct stat& facts) {
  return {.device = facts.st_dev,
          .inode = facts.st_ino,
          .size = static_cast<std::uint64_t>(facts.st_size),
          .mtime_ns = nanoseconds(facts.st_mtim),
          .ctime_ns = nanoseconds(facts.st_ctim)};
}

Obstacle refused(const std::string& path, std::string reason, std::string component = {}) {
  return {Obstacle::Kind::Refused, path, std::move(component), std::move(reason)};
}

/// What cannot be looked at might as well not be there: the other name is tried, and the directory
/// to blame is named.
Obstacle missing(const std::string& path, int error) {
  std::string component = error == EACCES ? closed_component(path) : std::string{};
  return {Obstacle::Kind::Missing, path, std::move(component), strerror(error)};
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "Is a directory";
  if (S_ISFIFO(mode)) return "Is a fifo";
  return "Not a regular file";
}

Candidate judge_open(UniqueFd fd, const std::string& path) {
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return refused(path, strerror(errno));
  if (!S_ISREG(facts.st_mode)) return refused(path, std::string{kind_of(facts.st_mode)});
  if ((facts.st_mode & S_IWOTH) != 0) return refused(path, "World writeable");
  const FileKey key = key_of(facts);
  if (key.size > kMaxStoredFile) return Obstacle{Obstacle::Kind::TooLarge, path, {}, {}};
  return StoredFile{std::move(fd), path, key};
}

Candidate open_candidate(int directory, const std::string& name, const std::string& path,
                         std::span<const uid_t> trusted) {
  struct stat facts {};
  if (fstatat(directory, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    return missing(path, errno);
  }
  // Before it is opened: opening can be an event for a device or a fifo.
  const bool is_link = S_ISLNK(facts.st_mode);
  if (!is_link && !S_ISREG(facts.st_mode)) {
    return refused(path, std::string{kind_of(facts.st_mode)});
  }
  const auto distrust = sys::find_distrust(path, trusted);
  if (!distrust.empty()) {
    const std::string& blamed = distrust[0].component;
    return refused(path, (is_link ? "Symbolic link, " : "") + distrust[0].message,
                   blamed == path ? std::string{} : blamed);
  }
  const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (is_link ? 0 : O_NOFOLLOW);
  UniqueFd fd(openat(directory, name.c_str(), flags));
  if (!fd) return refused(path, strerror(errno));
  return judge_open(std::move(fd), path);
}

}  // namespace

Result<FileKey> file_key(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return system_error("fstat", errno);
  return key_of(facts);
}

bool is_part_of_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{".-_:"}.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), is_plain);
}

std::vector<std::string> names_of(wire::FileKind kind, std::string_view client,
                                  std::string_view delta) {
  if (!is_part_of_name(client)) return {};
  const std::string name{client};
  switch (kind) {
    case wire::FileKind::Configuration:
      return {"rc." + name, "rc"};
    case wire::FileKind::Baseline:
      return {"file." + name, "file"};
    case wire::FileKind::Delta:
      if (!is_part_of_name(delta)) return {};
      return {"file." + name + "." + std::string{delta}};
  }
  return {};
}

Search find_file(const std::string& directory, const std::vector<std::string>& names,
                 std::span<const uid_t> trusted) {
  Search search;
  // Opened anew for each search: what the administrator repairs counts at once.
  const UniqueFd fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int error = errno;
  for (const std::string& name : names) {
    std::string path = directory;
    path.append("/").append(name);
    if (!fd) {
      search.obstacles.push_back(missing(path, error));
      continue;
    }
    Candidate candidate = open_candidate(fd.get(), name, path, trusted);
    if (auto* file = std::get_if<StoredFile>(&candidate)) {
      search.file = std::move(*file);
      return search;
    }
    search.obstacles.push_back(std::get<Obstacle>(std::move(candidate)));
    if (search.obstacles.back().kind != Obstacle::Kind::Missing) return search;
  }
  return search;
}

std::string closed_component(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    std::string component = path.substr(0, end);
    if (faccessat(AT_FDCWD, component.c_str(), X_OK, AT_EACCESS) != 0) return component;
  }
  return {};
}

}  // namespace samhain::server
