#pragma once

#include <string_view>

#include "samhain/result.h"

namespace samhain::wire {

/// "`doing`: the first reason on OpenSSL's error queue", which is empty afterwards.
Error tls_error(Error::Kind kind, std::string_view doing);

}  // namespace samhain::wire
