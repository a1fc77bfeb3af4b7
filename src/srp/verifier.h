#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "samhain/result.h"

namespace samhain::srp {

inline constexpr std::size_t kSaltSize = 16;
inline constexpr std::size_t kNumberSize = 384;  ///< bytes of A, B, v: 3072 bits

using Salt = std::array<std::uint8_t, kSaltSize>;
using Number = std::array<std::uint8_t, kNumberSize>;  ///< big-endian, padded

/// What the server knows of a client: enough to check a password, not to pose as the client.
struct Verifier {
  std::string host;  ///< lower case when it was parsed
  Salt salt{};
  Number v{};
};

/// What stands for the host in a new registration until the administrator puts the name there.
inline constexpr std::string_view kHostPlaceholder = "HOSTNAME";

/// Longest host name in a registration, as in DNS.
inline constexpr std::size_t kMaxHostName = 253;

/// The password that a binary has before samhain_setpwd; never accepted anywhere.
inline constexpr std::string_view kUnsetPassword = "f7c312aaaa12c3f7";

/// A password is 16 to 64 hex digits, case ignored; not kUnsetPassword.
/// Errors: Malformed (the text says what is wrong and what would be right).
Result<void> check_password(std::string_view password);

/// v = g^x, x = H(salt | H("samhain:" | password)) (docs/protocol.md section 3); the password in
/// lower case, so that it may be typed in either.
Verifier make_verifier(std::string_view host, std::string_view password, const Salt& salt);

/// `HOST@SALT@VERIFIER`, the value of `Client=` in yulerc.
std::string registration_line(const Verifier& verifier);

/// The same taken apart; the host comes in lower case.  Errors: Malformed (the text says which part
/// is wrong and what to do; entries of protocol 2 and the placeholder have texts of their own).
Result<Verifier> parse_registration(std::string_view value);

}  // namespace samhain::srp
