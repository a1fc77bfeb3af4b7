#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace samhain::scan {

/// An object by its directory and its name in it; `/` is the name `.` in the directory `/`.
struct Location {
  std::string directory;
  std::string name;
};
Location locate(std::string_view path);

/// The path of an object: join("/", "etc") is "/etc", join("/", ".") is "/".
std::string join(std::string_view directory, std::string_view name);

/// How many components an absolute path has: 0 for "/".
std::size_t depth_of(std::string_view path);

/// `path` is `top` or lies below it.
bool is_within(std::string_view path, std::string_view top);

}  // namespace samhain::scan
