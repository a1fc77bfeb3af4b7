#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "samhain/result.h"

namespace samhain::config {

/// Values as settings take them.  Each error is Malformed and reads "what is wrong; what would be
/// right", as Setting::take wants it.

/// By the first letter: 1 y t, 0 n f, either case.
Result<bool> parse_bool(std::string_view value);

/// An absolute path of at most PATH_MAX - 1 bytes.
Result<std::string> parse_path(std::string_view value);

/// The items between blanks, tabs and commas; at least one.
Result<std::vector<std::string>> parse_list(std::string_view value);

/// A whole number from `lowest` to `highest`; `unit` ("seconds", or empty) is for the sentence
/// only.
template <class T>
Result<T> parse_number(std::string_view value, T lowest, T highest, std::string_view unit) {
  const auto number = base::to_number<T>(value);
  if (number && *number >= lowest && *number <= highest) return *number;
  return Error{Error::Kind::Malformed,
               fmt::format("{}; give a whole number{}{} from {} to {}",
                           number ? "number out of range" : "not a number",
                           unit.empty() ? "" : " of ", unit, lowest, highest)};
}

}  // namespace samhain::config
