#include "wire/tls_error.h"

#include <openssl/err.h>

#include <string>

namespace samhain::wire {

Error tls_error(Error::Kind kind, std::string_view doing) {
  const unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  std::string text{doing};
  return Error{kind, text.append(": ").append(reason == nullptr ? "failed" : reason)};
}

}  // namespace samhain::wire
