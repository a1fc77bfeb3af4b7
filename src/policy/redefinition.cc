#include "policy/redefinition.h"

#include <fmt/format.h>

#include <cassert>
#include <optional>

#include "base/text.h"

namespace samhain::policy {
namespace {

struct Word {
  std::string_view text;
  Attribute attribute;
};

constexpr std::array<Word, 22> kWords = {
    {{"CHK", Attribute::Checksum},     {"LNK", Attribute::Link},
     {"INO", Attribute::Inode},        {"USR", Attribute::User},
     {"GRP", Attribute::Group},        {"MTM", Attribute::Mtime},
     {"CTM", Attribute::Ctime},        {"ATM", Attribute::Atime},
     {"SIZ", Attribute::Size},         {"MOD", Attribute::Mode},
     {"HLN", Attribute::Hardlinks},    {"RDEV", Attribute::Device},
     {"SGROW", Attribute::Growing},    {"PRE", Attribute::Prelinked},
     {"TXT", Attribute::Content},      {"AUDIT", Attribute::Audit},
     {"FLAGS", Attribute::Flags},      {"ACL", Attribute::Acl},
     {"CAP", Attribute::Capabilities}, {"SELINUX", Attribute::Selinux},
     {"XATTR", Attribute::Xattrs},     {"BTM", Attribute::Birth}}};

std::size_t index_of(Name name) {
  const std::size_t index = static_cast<std::size_t>(name) - 1;
  assert(index < kNames.size());
  return index;
}

std::optional<Attribute> attribute_named(std::string_view text) {
  for (const Word& word : kWords) {
    if (word.text == text) return word.attribute;
  }
  return std::nullopt;
}

Error wrong_word(std::string_view item) {
  std::string all;
  for (const Word& word : kWords) all.append(" ").append(word.text);
  return Error{Error::Kind::Malformed,
               fmt::format("{} is no attribute; give +X, -X or X with one of{}", item, all)};
}

void add(AttributeSet& mask, Attribute attribute) {
  mask.add(attribute);
  if (attribute == Attribute::Content) mask.add(Attribute::Checksum);
}

void remove(AttributeSet& mask, Attribute attribute) {
  mask.remove(attribute);
  if (attribute == Attribute::Content) mask.remove(Attribute::Checksum);
}

}  // namespace

Masks::Masks() {
  for (const Name name : kNames) set(name, attributes_of(name));
}

AttributeSet Masks::of(Name name) const { return masks_[index_of(name)]; }
void Masks::set(Name name, AttributeSet mask) { masks_[index_of(name)] = mask; }

Result<AttributeSet> redefine(AttributeSet mask, std::string_view value) {
  const auto items = base::split(value, " \t,");
  if (items.empty()) return wrong_word("an empty list");
  for (const std::string_view item : items) {
    const bool adds = item.starts_with('+');
    const bool removes = item.starts_with('-');
    const auto attribute = attribute_named(item.substr(adds || removes ? 1 : 0));
    if (!attribute) return wrong_word(item);
    if (!adds && !removes) mask = AttributeSet{};
    if (removes) {
      remove(mask, *attribute);
    } else {
      add(mask, *attribute);
    }
  }
  return mask;
}

std::string words_of(AttributeSet set) {
  std::string words;
  for (const Word& word : kWords) {
    if (!set.has(word.attribute)) continue;
    if (!words.empty()) words += ' ';
    words += word.text;
  }
  return words;
}

}  // namespace samhain::policy
