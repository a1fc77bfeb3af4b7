#pragma once

#include <optional>
#include <string_view>

#include "samhain/report.h"
#include "samhain/result.h"
#include "samhain/severity.h"

namespace samhain::report {

/// One severity word; error, warning and critical too; no other.
std::optional<Severity> severity_named(std::string_view text);

/// A threshold list, as in LogSeverity and -p: items between `;` `,` blanks, read left to right
/// from the empty set: `x` x and above, `*` all, `=x` only x, `!x` take away x and above, `!=x`
/// take away x, `none` or `!*` nothing, for good. Errors: Malformed (names the first bad item and
/// lists the words).
Result<SeveritySet> parse_threshold(std::string_view text);

/// A class list, as in LogClass: words between blanks and commas.  RUN and FIL take EVENT with
/// them, RUN also START and LOGKEY; ERROR is ERR, PANIC, ENET and EINPUT; RUN_OLD and FIL_OLD are
/// RUN and FIL alone, OTHER these and TCP.  Errors: Malformed (names the first bad word and lists
/// the words).
Result<ClassSet> parse_classes(std::string_view text);

}  // namespace samhain::report
