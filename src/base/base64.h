#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "samhain/bytes.h"

namespace samhain::base {

/// What stands for 62 and for 63, and what fills the last four digits up.
inline constexpr std::string_view kUsualDigits = "+/=";  ///< RFC 4648 section 4
inline constexpr std::string_view kOriginalDigits =
    "()?";  ///< in databases and messages of samhain

std::string base64(ByteView bytes, std::string_view digits = kUsualDigits);

/// The bytes of a text of whole groups of four digits; nothing for any other text.
std::optional<Bytes> unbase64(std::string_view text, std::string_view digits = kUsualDigits);

}  // namespace samhain::base
