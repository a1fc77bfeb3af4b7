#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "samhain/result.h"
#include "samhain/secret.h"

namespace samhain::uplink {

/// The password that proves to the server who we are, in memory that is locked and wiped.
class Password {
 public:
  /// 16 to 64 hex digits.  Errors: Malformed (srp::check_password's).
  static Result<Password> from(std::string_view digits);
  std::string_view text() const;

 private:
  Password() = default;
  SecretBytes<64> digits_;
  std::size_t length_ = 0;
};

/// The password that samhain_setpwd(8) put into this binary.  The slot is wiped by this call: a
/// second one finds nothing. Errors: Missing (never set; the text says how to set one), Malformed
/// (a damaged slot).
Result<Password> take_embedded_password();

/// Replaces the page of the slot by an empty one: for processes that must not know the password.
void wipe_embedded_password();

/// The password in a file of its own: one line.  Errors: Refused (a symlink, not a plain file, of
/// another user than root or us, or readable by others), Malformed, System.
Result<Password> load_password(const std::string& path);

}  // namespace samhain::uplink
