#include "scan/names.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "base/text.h"

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

Result<void> read_ordinary_bytes(std::string_view value, NameRules& rules) {
  NameRules fresh;
  fresh.are_utf8 = rules.are_utf8;
  if (base::equal_no_case(base::trim(value), "all")) {
    fresh.are_all_ordinary = true;
    rules = fresh;
    return {};
  }
  const auto items = base::split(value, " \t,");
  for (const std::string_view item : items) {
    const bool is_hex = item.starts_with("0x") || item.starts_with("0X");
    const bool is_octal = !is_hex && item.size() > 1 && item.starts_with('0');
    const int number_base = is_hex ? 16 : (is_octal ? 8 : 10);
    const auto byte = base::to_number<std::uint8_t>(item.substr(is_hex ? 2 : 0), number_base);
    if (!byte) {
      return Error{Error::Kind::Malformed,
                   std::string{item} +
                       " is no byte; give numbers from 0 to 255, as 0xe4, 0344 or "
                       "228, or the word all"};
    }
    fresh.ordinary.set(*byte);
  }
  if (items.empty()) return Error{Error::Kind::Malformed, "no bytes; give numbers, or all"};
  rules = fresh;
  return {};
}

namespace {

constexpr std::uint8_t kFirstVisible = 0x20;
constexpr std::uint8_t kLastAscii = 0x7E;

struct Range {
  char32_t first;
  char32_t last;
};
bool is_in(std::span<const Range> ranges, char32_t point) {
  return std::ranges::any_of(
      ranges, [point](const Range& r) { return point >= r.first && point <= r.last; });
}

/// Takes one character off the front of well-formed UTF-8.
char32_t take_point(std::string_view& text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t size = lead < 0x80 ? 1 : (lead < 0xE0 ? 2 : (lead < 0xF0 ? 3 : 4));
  char32_t point = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3FU);
  text.remove_prefix(size);
  return point;
}

/// Marks that make the rest of a name read otherwise than it is, and C1 controls.
bool misleads(char32_t point) {
  static constexpr std::array<Range, 5> kRanges = {
      {{0x80, 0x9F}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}, {0x2028, 0x2029}}};
  return is_in(kRanges, point);
}

/// Blanks of all kinds, and what has no width.
bool is_unseen(char32_t point) {
  static constexpr std::array<Range, 10> kRanges = {{{0x20, 0x20},
                                                     {0xA0, 0xA0},
                                                     {0xAD, 0xAD},
                                                     {0x1680, 0x1680},
                                                     {0x180E, 0x180E},
                                                     {0x2000, 0x200D},
                                                     {0x202F, 0x202F},
                                                     {0x205F, 0x2064},
                                                     {0x3000, 0x3000},
                                                     {0xFEFF, 0xFEFF}}};
  return is_in(kRanges, point);
}

bool is_weird_utf8(std::string_view name, bool is_blank_bad) {
  if (!base::is_utf8_text(name)) return true;
  char32_t last = 0;
  while (!name.empty()) {
    last = take_point(name);
    if (misleads(last)) return true;
  }
  return is_unseen(last) && (last != U' ' || is_blank_bad);
}

}  // namespace

NameCheck::NameCheck(const NameRules& rules) : are_utf8_(rules.are_utf8) {
  // What is to be UTF-8 is looked at, even with AddOKChars=all.
  const bool is_off = rules.are_all_ordinary && !are_utf8_;
  is_blank_bad_ = !is_off && !rules.ordinary[' '];
  for (std::size_t byte = 0; byte < is_bad_.size() && !is_off; ++byte) {
    const bool is_foreign = byte > kLastAscii && (!are_utf8_ || byte == kLastAscii + 1);
    is_bad_[byte] = !rules.ordinary[byte] && (byte < kFirstVisible || byte == '"' || is_foreign);
  }
}

bool NameCheck::is_weird(std::string_view name) const {
  bool is_ascii = true;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_bad_[byte]) return true;
    is_ascii &= byte <= kLastAscii + 1;
  }
  if (are_utf8_ && !is_ascii) return is_weird_utf8(name, is_blank_bad_);
  return is_blank_bad_ && !name.empty() && name.back() == ' ';
}

}  // namespace samhain::scan
