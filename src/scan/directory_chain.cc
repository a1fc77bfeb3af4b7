#include "scan/directory_chain.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

namespace samhain::scan {
namespace {

constexpr std::chrono::seconds kMaxAge{1};
/// More than this are not worth keeping: then begin anew.
constexpr rlim_t kMaxKept = 512;

constexpr int kFlags = O_DIRECTORY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

/// O_NOATIME where it is permitted, so that reading a directory does not change what is watched.
int open_readable(int parent, const char* name, int more) {
  const int fd = openat(parent, name, O_RDONLY | O_NOATIME | kFlags | more);
  if (fd >= 0 || errno != EPERM) return fd;
  return openat(parent, name, O_RDONLY | kFlags | more);
}

/// The first `depth` components of an absolute path, with the slash before them.
std::string_view leading_part(std::string_view path, std::size_t depth) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < depth && end != std::string_view::npos; ++i) {
    end = path.find('/', end + 1);
  }
  return path.substr(0, end);
}

/// Half of what we may open at most.
std::size_t max_kept() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<std::size_t>(std::min(limit.rlim_cur / 2, kMaxKept));
}

}  // namespace

DirectoryChain::DirectoryChain() : max_kept_(max_kept()) {}

DirectoryChain::Kept* DirectoryChain::find(std::string_view path) {
  key_ = std::to_string(trusted_part_.size());
  key_ += path;
  const auto found = kept_.find(key_);
  return found != kept_.end() ? &found->second : nullptr;
}

Result<DirectoryChain::Kept*> DirectoryChain::keep(std::string_view path, UniqueFd fd,
                                                   bool is_readable) {
  if (!fd) return system_error("open", errno);
  key_ = std::to_string(trusted_part_.size());
  key_ += path;
  Kept& kept = kept_[key_];
  kept = Kept{std::move(fd), is_readable};
  return &kept;
}

/// The trusted part, whose components may be symlinks.
Result<DirectoryChain::Kept*> DirectoryChain::begin() {
  const std::string path = trusted_part_.empty() ? "/" : std::string{trusted_part_};
  return keep(trusted_part_, UniqueFd(::open(path.c_str(), O_PATH | kFlags)), false);
}

Result<DirectoryChain::Kept*> DirectoryChain::step(const Kept& parent, std::string_view path,
                                                   bool is_readable) {
  const std::string name{path.substr(path.rfind('/') + 1)};
  const int fd = is_readable ? open_readable(parent.fd.get(), name.c_str(), O_NOFOLLOW)
                             : openat(parent.fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | kFlags);
  return keep(path, UniqueFd(fd), is_readable);
}

Result<int> DirectoryChain::open(std::string_view path, std::size_t trusted_depth) {
  if (path == "/") path = "";
  trusted_part_ = leading_part(path, trusted_depth);
  const auto now = std::chrono::steady_clock::now();
  if (kept_.empty() || kept_.size() > max_kept_ || now - opened_ > kMaxAge) {
    clear();
    opened_ = now;
  }

  // Up to what is open already, then down again.
  std::string_view at = path;
  Kept* kept = find(at);
  while (kept == nullptr && at.size() > trusted_part_.size()) {
    at = at.substr(0, at.rfind('/'));
    kept = find(at);
  }
  if (kept == nullptr) {
    auto begun = begin();
    if (!begun) return begun.error();
    kept = *begun;
  }
  while (at.size() < path.size()) {
    at = path.substr(0, path.find('/', at.size() + 1));
    auto next = step(*kept, at, at.size() == path.size());
    if (!next) return next.error();
    kept = *next;
  }
  if (!kept->is_readable) {
    UniqueFd fd(open_readable(kept->fd.get(), ".", 0));
    if (!fd) return system_error("open", errno);
    *kept = Kept{std::move(fd), true};
  }
  return kept->fd.get();
}

}  // namespace samhain::scan
