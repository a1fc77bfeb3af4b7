#include "srp/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/hex.h"
#include "base/text.h"
#include "srp/arithmetic.h"

namespace samhain::srp {
namespace {

constexpr std::size_t kMinPassword = 16;
constexpr std::size_t kMaxPassword = 64;
constexpr std::size_t kSaltDigits = 2 * kSaltSize;
constexpr std::size_t kVerifierDigits = 2 * kNumberSize;

// What an entry of protocol 2 looks like (digits of salt and verifier, with SRP and without).
constexpr std::size_t kOldSaltDigits = 16;
constexpr std::size_t kOldVerifierDigits = 256;
constexpr std::string_view kOldPlainSalt = "00000000";
constexpr std::size_t kOldPlainVerifierDigits = 48;

constexpr std::string_view kRemedy =
    "make a new one with `yule -P PASSWORD` and put the client's name in the place of HOSTNAME";

Error malformed(std::string what) { return Error{Error::Kind::Malformed, std::move(what)}; }

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_protocol_2(std::string_view salt, std::string_view verifier) {
  if (salt == kOldPlainSalt) return verifier.size() == kOldPlainVerifierDigits;
  return salt.size() == kOldSaltDigits && verifier.size() == kOldVerifierDigits;
}

Result<void> check_host(std::string_view host) {
  if (host.empty()) return malformed("host name is empty");
  if (host == kHostPlaceholder) {
    return malformed("HOSTNAME stands where the client's own name must be");
  }
  if (host.size() > kMaxHostName) {
    return malformed(
        fmt::format("host name has {} characters: at most {}", host.size(), kMaxHostName));
  }
  // Names, and IPv4 and IPv6 addresses; nothing that could mean something in a path or a log.
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
  const std::size_t bad = host.find_first_not_of(kAllowed);
  if (bad != std::string_view::npos) {
    return malformed(fmt::format("host name has the character `{}`: only letters, digits, . - _ :",
                                 base::printable(host.substr(bad, 1))));
  }
  return {};
}

Result<Bytes> parse_digits(std::string_view part, std::string_view digits, std::size_t wanted) {
  if (digits.size() != wanted) {
    return malformed(fmt::format("{} has {} characters: must be {} hex digits; {}", part,
                                 digits.size(), wanted, kRemedy));
  }
  auto bytes = base::unhex(digits);
  if (!bytes) {
    return malformed(
        fmt::format("{} has characters that are no hex digits (0-9, a-f); {}", part, kRemedy));
  }
  return *std::move(bytes);
}

/// v must be one that a password can give: with 0, 1 or N - 1 anybody could compute the session
/// key.
Result<void> check_range(const Number& v) {
  const BIGNUM& prime = *group_3072().prime;
  const BigNumber number = crypto::from_bytes(v);
  const BigNumber highest{BN_dup(&prime)};
  const bool is_bounded = highest != nullptr && BN_sub_word(highest.get(), 1) == 1;
  if (!is_bounded || BN_is_zero(number.get()) || BN_is_one(number.get()) ||
      BN_cmp(number.get(), highest.get()) >= 0) {
    return malformed(fmt::format("verifier is out of range; {}", kRemedy));
  }
  return {};
}

}  // namespace

Result<void> check_password(std::string_view password) {
  if (password.size() < kMinPassword || password.size() > kMaxPassword || !is_hex(password)) {
    return malformed(
        fmt::format("the password must be {} to {} hex digits (0-9, a-f); "
                    "`yule -G` makes one",
                    kMinPassword, kMaxPassword));
  }
  if (base::equal_no_case(password, kUnsetPassword)) {
    return malformed(
        "this is the placeholder for a password that was never set; "
        "`yule -G` makes a real one");
  }
  return {};
}

Verifier make_verifier(std::string_view host, std::string_view password, const Salt& salt) {
  Verifier verifier{.host = std::string{host}, .salt = salt};
  const BigNumber x = password_exponent(password, salt);
  crypto::write_bytes(*power_of_generator(group_3072(), *x), verifier.v);
  return verifier;
}

std::string registration_line(const Verifier& verifier) {
  return fmt::format("{}@{}@{}", verifier.host, base::upper_hex(verifier.salt),
                     base::upper_hex(verifier.v));
}

Result<Verifier> parse_registration(std::string_view value) {
  value = base::trim(value);
  const std::size_t first = value.find('@');
  const std::size_t second = first == std::string_view::npos ? first : value.find('@', first + 1);
  if (second == std::string_view::npos) {
    return malformed(fmt::format("not of the form HOST@SALT@VERIFIER; {}", kRemedy));
  }
  const std::string_view host = value.substr(0, first);
  if (auto checked = check_host(host); !checked) return checked.error();

  const std::string_view salt_digits = value.substr(first + 1, second - first - 1);
  const std::string_view v_digits = value.substr(second + 1);
  if (is_protocol_2(salt_digits, v_digits)) {
    return malformed(
        fmt::format("this is an entry for protocol 2, which does not serve here; {}", kRemedy));
  }
  auto salt = parse_digits("salt", salt_digits, kSaltDigits);
  if (!salt) return salt.error();
  auto v = parse_digits("verifier", v_digits, kVerifierDigits);
  if (!v) return v.error();

  Verifier verifier{.host = base::lower(host)};
  std::copy(salt->begin(), salt->end(), verifier.salt.begin());
  std::copy(v->begin(), v->end(), verifier.v.begin());
  if (auto checked = check_range(verifier.v); !checked) return checked.error();
  return verifier;
}

}  // namespace samhain::srp
