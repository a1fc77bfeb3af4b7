#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "samhain/report.h"
#include "samhain/result.h"

namespace samhain::report {

/// How a report looks as a line; the word of `LogFormat` and `PrintFormat`.
enum class Form { Guide, Classic };
std::optional<Form> form_named(std::string_view word);

/// A form with the head of its lines (`MessageHeader`): `%S` is the severity's tag, `%T` the time
/// in brackets, `%C` the class, `%%` a percent sign.  An empty head is the usual one, `%S %T`.
struct Layout {
  Form form = Form::Guide;
  std::string header;
};
/// A header as settings give it.  Errors: Malformed, with what would be right.
Result<std::string> parse_header(std::string_view text);

/// One line without newline, whatever bytes the values hold; docs/log-format has both forms.
/// A client's report (report.client not empty) is wrapped:
///   guide    <TCP>  :  [ARRIVAL] client="NAME" msg="the client's own line, escaped once more"
///   classic  <TCP>  :  [ARRIVAL] client=<NAME>, msg=<the client's own line, rewritten by `=xx`>
std::string line_of(const Report& report, Form form);
/// The same with the layout's head; inside a client's report its own line keeps the usual one.
std::string line_of(const Report& report, const Layout& layout);

/// How a path value is escaped in each form, and back again: unescape(escape(x)) is x for all
/// bytes.
std::string escape(std::string_view value, Form form);
std::optional<std::string> unescape(std::string_view text, Form form);

}  // namespace samhain::report
