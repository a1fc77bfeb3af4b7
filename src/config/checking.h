#pragma once

#include <string>
#include <string_view>

// What `--check-config` of both programs has in common.

namespace samhain::config {

inline constexpr int kIsFine = 0;
inline constexpr int kIsWrong = 1;

/// One line on standard output.
void print(const std::string& line);
/// One row of what would be used.
void print_row(std::string_view name, const std::string& value);
/// One thing that would go wrong, and what to do about it; returns kIsWrong.
int complain(std::string_view what, std::string_view remedy);
/// The last line; returns `status`.
int conclude(int status);

/// May this process, as it is now, do so?  `mode` as in access(2); else errno says why not.
bool may(const std::string& path, int mode);
/// Whether there is anything at `path`.
bool exists(const std::string& path);

}  // namespace samhain::config
