#include "scan/paths.h"

#include <algorithm>

#include "base/text.h"

namespace samhain::scan {

Location locate(std::string_view path) {
  if (path == "/") return Location{"/", "."};
  const std::size_t slash = path.rfind('/');
  return Location{std::string{slash == 0 ? "/" : path.substr(0, slash)},
                  std::string{path.substr(slash + 1)}};
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path{directory};
  if (name == ".") return path;
  if (path != "/") path += '/';
  return path.append(name);
}

std::size_t depth_of(std::string_view path) { return base::split(path, "/").size(); }

bool is_within(std::string_view path, std::string_view top) {
  if (top == "/") return true;
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

std::size_t trusted_depth_of(std::span<const std::string> tops, std::string_view path) {
  std::size_t depth = depth_of(path);
  for (const std::string& top : tops) {
    if (!is_within(path, top)) continue;
    depth = top == "/" ? 0 : std::min(depth, depth_of(top) - 1);
  }
  return depth;
}

}  // namespace samhain::scan
