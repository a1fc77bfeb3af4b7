#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

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

/// A byte above 0x7f, a control character, a double quote, or a blank at the end.
bool is_weird(std::string_view name);

}  // namespace samhain::scan
