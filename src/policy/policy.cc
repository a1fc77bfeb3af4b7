#include "policy/policy.h"

#include <cassert>

namespace samhain::policy {
namespace {

struct Facts {
  std::string_view section;
  std::string_view tag;
  AttributeSet attributes;
};

constexpr AttributeSet set_of(std::initializer_list<Attribute> attributes, AttributeSet base = {}) {
  for (const Attribute a : attributes) base.add(a);
  return base;
}

using enum Attribute;
constexpr AttributeSet kAttributes = set_of({Mode, User, Group, Device});
constexpr AttributeSet kLogFiles = set_of({Hardlinks, Link, Inode}, kAttributes);
constexpr AttributeSet kGrowing = set_of({Size, Growing, Checksum}, kLogFiles);
constexpr AttributeSet kReadOnly = set_of({Checksum, Size, Mtime, Ctime}, kLogFiles);
constexpr AttributeSet kIgnoreNone = set_of({Checksum, Size, Mtime, Atime}, kLogFiles);
constexpr AttributeSet kUser = set_of({Atime}, kReadOnly);
constexpr AttributeSet kPrelink = set_of({Hardlinks, Link, Checksum, Prelinked}, kAttributes);

/// In the order of Name, which begins at 1.
constexpr std::array<Facts, kNames.size()> kFacts = {{
    {"readonly", "[ReadOnly]", kReadOnly},
    {"logfiles", "[LogFiles]", kLogFiles},
    {"growinglogfiles", "[GrowingLogs]", kGrowing},
    {"ignorenone", "[IgnoreNone]", kIgnoreNone},
    {"ignoreall", "[IgnoreAll]", AttributeSet{}},
    {"attributes", "[Attributes]", kAttributes},
    {"user0", "[User0]", kUser},
    {"user1", "[User1]", kUser},
    {"user2", "[User2]", kUser},
    {"user3", "[User3]", kUser},
    {"user4", "[User4]", kUser},
    {"prelink", "[Prelink]", kPrelink},
}};

const Facts& facts_of(Name name) {
  const std::size_t index = static_cast<std::size_t>(name) - 1;
  assert(index < kFacts.size());
  return kFacts[index];
}

}  // namespace

std::string_view section_of(Name name) { return facts_of(name).section; }
std::string_view tag_of(Name name) { return facts_of(name).tag; }
AttributeSet attributes_of(Name name) { return facts_of(name).attributes; }

Severity Severities::of(Name name) const {
  const auto found = of_policy.find(name);
  return found == of_policy.end() ? Severity::Crit : found->second;
}

}  // namespace samhain::policy
