#pragma once

#include <string>
#include <string_view>

#include "samhain/result.h"

namespace samhain::tools {

/// The whole answer of a running yule to one line, without the END that closes it.
/// Errors: System (it does not run), Malformed (broken off), Refused (its own words).
Result<std::string> ask_server(const std::string& socket, std::string_view command);

}  // namespace samhain::tools
