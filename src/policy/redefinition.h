#pragma once

#include <array>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace samhain::policy {

/// What each policy compares while the configuration is read, line by line: a Redef… line counts
/// for the `file=` and `dir=` lines after it.
class Masks {
 public:
  Masks();
  AttributeSet of(Name name) const;
  void set(Name name, AttributeSet mask);

 private:
  std::array<AttributeSet, kNames.size()> masks_;
};

/// The value of a Redef… option (samhainrc(5), ATTRIBUTES): words between blanks, tabs and commas,
/// from left to right; `+X` adds, `-X` takes away, a bare `X` replaces everything before it. TXT
/// brings CHK with it, and takes it away too.
/// Errors: Malformed, naming the first wrong word; `mask` is returned as a whole or not at all.
Result<AttributeSet> redefine(AttributeSet mask, std::string_view value);

/// The words of a set, in the order of their bits, with blanks between them: "CHK LNK".
std::string words_of(AttributeSet set);

}  // namespace samhain::policy
