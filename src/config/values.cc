#include "config/values.h"

#include <limits.h>

namespace samhain::config {

Result<bool> parse_bool(std::string_view value) {
  if (const auto flag = base::to_bool(value)) return *flag;
  return Error{Error::Kind::Malformed, "neither yes nor no; write yes or no"};
}

Result<std::string> parse_path(std::string_view value) {
  if (!value.starts_with('/')) {
    return Error{Error::Kind::Malformed, "not an absolute path; let it begin with /"};
  }
  if (value.size() >= PATH_MAX) {
    return Error{Error::Kind::Malformed,
                 fmt::format("path too long; at most {} bytes are possible", PATH_MAX - 1)};
  }
  return std::string{value};
}

Result<std::vector<std::string>> parse_list(std::string_view value) {
  std::vector<std::string> items;
  for (const std::string_view item : base::split(value, " \t,")) items.emplace_back(item);
  if (items.empty()) {
    return Error{Error::Kind::Malformed, "empty list; separate items by blanks or commas"};
  }
  return items;
}

}  // namespace samhain::config
