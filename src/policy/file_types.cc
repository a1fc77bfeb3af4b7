#include "policy/file_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "policy/file_magic.h"

namespace samhain::policy {
namespace {

constexpr std::size_t kMaxTypeName = 31;
constexpr std::size_t kFields = 8;

Error malformed(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

bool has_at(std::string_view head, std::size_t offset, std::string_view bytes) {
  return offset <= head.size() && head.substr(offset).starts_with(bytes);
}

bool fits(const Magic& magic, std::string_view head) {
  return has_at(head, magic.offset, magic.bytes) &&
         (magic.more.empty() || has_at(head, magic.more_offset, magic.more));
}

/// Does every file with `bytes` at `offset` have `earlier`, too?
bool is_shadowed(std::size_t offset, std::string_view bytes, std::size_t earlier_offset,
                 std::string_view earlier) {
  return earlier_offset >= offset && has_at(bytes, earlier_offset - offset, earlier);
}

bool is_text(std::string_view head) {
  return std::ranges::all_of(head, [](char c) {
    return (c >= ' ' && c <= '~') || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
           c == '\v' || c == '\b' || c == '\x1b';
  });
}

/// The eight fields; the last may hold colons.
std::optional<std::array<std::string_view, kFields>> fields_of(std::string_view value) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i + 1 < kFields; ++i) {
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    fields[i] = base::trim(value.substr(0, colon));
    value.remove_prefix(colon + 1);
  }
  fields.back() = value;
  return fields;
}

/// `=HH` is the byte with this number.
std::optional<std::string> decode(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    if (text.front() != '=') {
      bytes.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    const auto value = base::to_number<unsigned>(text.substr(1, 2), 16);
    if (!value || text.size() < 3 || text[1] == '-') return std::nullopt;
    bytes.push_back(static_cast<char>(*value));
    text.remove_prefix(3);
  }
  return bytes;
}

}  // namespace

Result<FileTypes::Own> FileTypes::parse(std::string_view value) {
  const auto fields = fields_of(value);
  if (!fields) return malformed("not eight fields; give offset:type:length:G1:G2:G3:name:bytes");
  const auto& [offset_text, kind, length_text, g1, g2, g3, name, test] = *fields;
  const auto offset = base::to_number<std::size_t>(offset_text);
  const auto length = base::to_number<std::size_t>(length_text);
  if (!offset || !length || *length == 0 || *length > kHeadSize || *offset > kHeadSize - *length) {
    return malformed(fmt::format(
        "bad offset or length; both are numbers, and their sum is at most {}", kHeadSize));
  }
  if (kind != "0" && kind != "1") return malformed("bad type; give 0 for text or 1 for binary");
  std::string type = fmt::format("{}:{}:{}", g1, g2, g3);
  if (g1.empty() || g2.empty() || g3.empty() || name.empty() || type.size() > kMaxTypeName) {
    return malformed(fmt::format(
        "bad names; G1, G2, G3 and name are not empty, and G1:G2:G3 has at most {} letters",
        kMaxTypeName));
  }
  auto bytes = decode(test);
  if (!bytes || bytes->size() != *length) {
    return malformed(
        "the bytes are not as many as the length says; =HH counts as one, and = itself is =3D");
  }
  return Own{*offset, *std::move(bytes), std::move(type)};
}

std::optional<FileTypes::Earlier> FileTypes::find_shadowing(const Own& own) const {
  const auto shadows = [&own](std::size_t offset, std::string_view bytes) {
    return is_shadowed(own.offset, own.bytes, offset, bytes);
  };
  for (std::size_t i = 0; i < kMagic.size(); ++i) {
    const Magic& magic = kMagic[i];
    const bool shadows_more = magic.more.empty() || shadows(magic.more_offset, magic.more);
    if (shadows_more && shadows(magic.offset, magic.bytes)) return Earlier{i + 1, magic.type};
  }
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (shadows(own_[i].offset, own_[i].bytes)) return Earlier{kMagic.size() + i + 1, own_[i].type};
  }
  return std::nullopt;
}

Result<void> FileTypes::add(std::string_view value) {
  if (own_.size() >= kMaxOwnTypes) {
    return Error{Error::Kind::Limit,
                 fmt::format("too many types; at most {} can be added", kMaxOwnTypes)};
  }
  auto own = parse(value);
  if (!own) return own.error();
  if (const auto earlier = find_shadowing(*own)) {
    return Error{
        Error::Kind::Refused,
        fmt::format("Pattern {} ({}) override by earlier pattern {} ({}); leave it out, or "
                    "give bytes that differ",
                    kMagic.size() + own_.size() + 1, own->type, earlier->number, earlier->type)};
  }
  own_.push_back(*std::move(own));
  return {};
}

std::string_view FileTypes::type_of(std::string_view head) const {
  head = head.substr(0, kHeadSize);
  if (head.empty()) return "FILE:UNKNOWN:UNKNOWN";
  for (const Magic& magic : kMagic) {
    if (fits(magic, head)) return magic.type;
  }
  for (const Own& own : own_) {
    if (has_at(head, own.offset, own.bytes)) return own.type;
  }
  return is_text(head) ? "FILE:TEXT:ASCII" : "FILE:BINARY:UNKNOWN";
}

bool is_of_type(std::string_view type, std::string_view wanted) {
  return type.starts_with(wanted) && (type.size() == wanted.size() || type[wanted.size()] == ':');
}

std::vector<std::string_view> known_types() {
  std::vector<std::string_view> types;
  for (const Magic& magic : kMagic) {
    if (std::ranges::find(types, magic.type) == types.end()) types.push_back(magic.type);
  }
  return types;
}

}  // namespace samhain::policy
