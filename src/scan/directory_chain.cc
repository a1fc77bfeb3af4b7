#include "scan/directory_chain.h"

#include <fcntl.h>

#include <cerrno>

#include "base/text.h"

namespace samhain::scan {
namespace {

constexpr std::chrono::seconds kMaxAge{1};
/// A path has at most PATH_MAX / 2 components; more descriptors than this are not worth keeping.
constexpr std::size_t kMaxKept = 128;

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

}  // namespace

void DirectoryChain::clear() {
  links_.clear();
  trusted_part_.clear();
}

Result<void> DirectoryChain::begin(std::string_view trusted_part) {
  clear();
  const std::string path = trusted_part.empty() ? "/" : std::string{trusted_part};
  UniqueFd fd(::open(path.c_str(), O_PATH | kFlags));
  if (!fd) return system_error("open", errno);
  trusted_part_ = trusted_part;
  opened_ = std::chrono::steady_clock::now();
  links_.push_back(Link{std::string{}, std::move(fd), false});
  return {};
}

Result<void> DirectoryChain::step(std::string_view name, bool is_readable) {
  std::string text{name};
  const int parent = links_.back().fd.get();
  UniqueFd fd(is_readable ? open_readable(parent, text.c_str(), O_NOFOLLOW)
                          : openat(parent, text.c_str(), O_PATH | O_NOFOLLOW | kFlags));
  if (!fd) return system_error("open", errno);
  links_.push_back(Link{std::move(text), std::move(fd), is_readable});
  return {};
}

Result<int> DirectoryChain::last_readable() {
  Link& last = links_.back();
  if (!last.is_readable) {
    UniqueFd fd(open_readable(last.fd.get(), ".", 0));
    if (!fd) return system_error("open", errno);
    last.fd = std::move(fd);
    last.is_readable = true;
  }
  return last.fd.get();
}

Result<int> DirectoryChain::open(std::string_view path, std::size_t trusted_depth) {
  const std::string_view trusted_part = leading_part(path, path == "/" ? 0 : trusted_depth);
  const auto names = base::split(path.substr(trusted_part.size()), "/");

  const bool is_old = std::chrono::steady_clock::now() - opened_ > kMaxAge;
  if (links_.empty() || is_old || trusted_part_ != trusted_part || links_.size() > kMaxKept) {
    if (auto done = begin(trusted_part); !done) return done.error();
  }
  std::size_t common = 0;
  while (common < names.size() && common + 1 < links_.size() &&
         links_[common + 1].name == names[common]) {
    ++common;
  }
  links_.resize(common + 1);
  for (std::size_t i = common; i < names.size(); ++i) {
    if (auto done = step(names[i], i + 1 == names.size()); !done) return done.error();
  }
  return last_readable();
}

}  // namespace samhain::scan
