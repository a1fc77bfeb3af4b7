#pragma once

#include <string>
#include <string_view>

namespace samhain::tools {

/// A JSON string of printable ASCII: quotes and backslashes are all that JSON minds there.
inline std::string json_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

}  // namespace samhain::tools
