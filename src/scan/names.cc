#include "scan/names.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace samhain::scan {
namespace {

constexpr std::size_t kFirstBuffer = 1'024;
constexpr std::size_t kMaxBuffer = 1U << 20;  // a group may have many members

/// Calls getpwuid_r or getgrgid_r with as much memory as it asks for.
template <class Entry, class Call>
OwnerNames::Name look_up(std::uint32_t number, Call call, char* Entry::*name) {
  std::vector<char> buffer(kFirstBuffer);
  for (;;) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = call(number, &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < kMaxBuffer) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (error == EINTR) continue;
    if (error != 0 || found == nullptr) return {.text = std::to_string(number)};
    return {.text = found->*name, .is_known = true};
  }
}

}  // namespace

OwnerNames::Name& OwnerNames::user(std::uint32_t uid) {
  const auto found = users_.find(uid);
  if (found != users_.end()) return found->second;
  return users_.emplace(uid, look_up<passwd>(uid, getpwuid_r, &passwd::pw_name)).first->second;
}

OwnerNames::Name& OwnerNames::group(std::uint32_t gid) {
  const auto found = groups_.find(gid);
  if (found != groups_.end()) return found->second;
  return groups_.emplace(gid, look_up<::group>(gid, getgrgid_r, &::group::gr_name)).first->second;
}

void OwnerNames::clear() {
  users_.clear();
  groups_.clear();
}

bool is_weird(std::string_view name) {
  const auto is_bad = [](char c) {
    return static_cast<unsigned char>(c) > 0x7E || static_cast<unsigned char>(c) < 0x20 || c == '"';
  };
  return std::ranges::any_of(name, is_bad) || (!name.empty() && name.back() == ' ');
}

}  // namespace samhain::scan
