#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace samhain::tools {

/// A line of a server's answer, taken apart at its tabs; the server sends printable ASCII only.
using Row = std::vector<std::string_view>;
std::vector<Row> rows_of(std::string_view answer);

/// What stands in the columns of an answer.
using Columns = std::span<const std::string_view>;

/// For people: a heading, and columns as wide as what stands in them; nothing without rows.
/// Columns named last_contact and time are seconds since the epoch, shown as local time.
std::string table_text(Columns columns, const std::vector<Row>& rows);
/// For programs: a list of objects, an object a row.
std::string table_json(Columns columns, const std::vector<Row>& rows);

/// The same for answers whose rows are a key and its value: one object.
std::string pairs_text(const std::vector<Row>& rows);
std::string pairs_json(const std::vector<Row>& rows);

}  // namespace samhain::tools
