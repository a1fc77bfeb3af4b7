#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "samhain/result.h"

namespace samhain::config {

/// One key that a module understands.
struct Setting {
  std::string_view section;  ///< "misc"; several sections: one Setting each
  std::string_view key;  ///< as documented, "SetLoopTime"; matched without regard to case, whole
  /// Takes the value, or says why not: "what is wrong; what would be right", split at the first ";
  /// " into reason and remedy.  Busy becomes a Problem of kind Duplicate, all else InvalidInput.
  std::function<Result<void>(const Entry& entry)> take;
};

/// A key (or, with an empty key, a whole section) of the original that has no effect here.
struct NotBuilt {
  std::string_view section;
  std::string_view key;
  /// Why it makes no sense any more: "reason; what to do instead".  Empty: it is to come.
  std::string_view no_use = {};
};

/// Gives each entry to its Setting, in the order of the file; all others become Problems: NotBuilt
/// or NoUse where the original knew them, else UnknownSection (once a section) or InvalidLine.  The
/// problems of the document itself are not repeated.
std::vector<Problem> apply(const Document& document, std::span<const Setting> settings,
                           std::span<const NotBuilt> not_built);

}  // namespace samhain::config
