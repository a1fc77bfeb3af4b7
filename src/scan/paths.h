#pragma once

#include <cstddef>
#include <span>
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

/// How many leading components of a directory may be symlinks: those above the outermost of `tops`,
/// the configured directories, that it lies in, or all where it lies in none.
std::size_t trusted_depth_of(std::span<const std::string> tops, std::string_view path);

/// `path` is `top` or lies below it.
bool is_within(std::string_view path, std::string_view top);

}  // namespace samhain::scan
