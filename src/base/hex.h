#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "samhain/bytes.h"

namespace samhain::base {

/// Two lower-case (or upper-case) digits a byte.
std::string hex(ByteView bytes);
std::string upper_hex(ByteView bytes);

/// The bytes of an even number of hex digits of either case; nothing for any other text.
std::optional<Bytes> unhex(std::string_view digits);

}  // namespace samhain::base
