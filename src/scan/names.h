#pragma once

#include <sys/types.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "samhain/result.h"

namespace samhain::scan {

/// Names of users and groups, each asked for once (getpwuid_r(3) may go over the network).
class OwnerNames {
 public:
  struct Name {
    std::string text;  ///< the number's digits where it has no name
    bool is_known = false;
    bool was_told = false;  ///< for the caller: that it has no name was reported
  };
  Name& user(std::uint32_t uid);
  Name& group(std::uint32_t gid);
  void clear();  ///< before each scan: accounts come and go

 private:
  std::unordered_map<std::uint32_t, Name> users_;
  std::unordered_map<std::uint32_t, Name> groups_;
};

/// Which names of files are ordinary: samhainrc(5), AddOKChars and FilenamesAreUTF8.
struct NameRules {
  std::bitset<256> ordinary;  ///< bytes that are no trouble, whatever else the rules say
  bool are_all_ordinary = false;
  bool are_utf8 = false;
};

/// The value of AddOKChars, which replaces that of a line before it: numbers of bytes, 0x… in hex,
/// 0… in octal, between commas and blanks, or `all`.  Errors: Malformed.
Result<void> read_ordinary_bytes(std::string_view value, NameRules& rules);

/// Looks at one name after the other by such rules.
class NameCheck {
 public:
  explicit NameCheck(const NameRules& rules);

  /// By bytes: one above 0x7e, a control character, a double quote, or a blank at the end.  As
  /// UTF-8: what is none, control characters, a double quote, marks that turn the direction of
  /// writing, and what nobody sees (blanks of all kinds) at the end.
  bool is_weird(std::string_view name) const;

 private:
  std::array<bool, 256> is_bad_{};
  bool is_blank_bad_ = true;
  bool are_utf8_ = false;
};

}  // namespace samhain::scan
