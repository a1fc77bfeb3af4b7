#pragma once

#include <string>
#include <string_view>

#include "report/form.h"

namespace samhain::report {

/// Does `value` of `key` name a file?  The classic form escapes blanks in those.
bool is_path(std::string_view key, std::string_view value);

/// Appends `value` as it stands between the marks of a value.
void append_guide(std::string& out, std::string_view value);
void append_classic(std::string& out, std::string_view value, bool escapes_blanks);

/// Appends a client's own classic line as the value of the server's `msg`: escapes, `'` and bare
/// `=` become `=xx` (docs/log-format.md, section "A client's report").
void append_rewritten(std::string& out, std::string_view classic_line);

}  // namespace samhain::report
