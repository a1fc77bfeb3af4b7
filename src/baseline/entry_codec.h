#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "baseline/baseline.h"
#include "samhain/bytes.h"

namespace samhain::baseline {

/// Entries of one directory as a chunk of the file (docs/baseline-format.md section 4): what is as
/// in the entry before takes no room.
void append_entries(std::span<const Entry> entries, Bytes& output);

/// Takes a whole chunk apart and appends its entries.  False: it is malformed, has a name that no
/// object has, or more entries than `limit`.
bool take_entries(ByteView chunk, std::size_t limit, std::vector<Entry>& entries);

/// What an object may be called in its directory: one component of a path.  `.` is the root
/// directory in itself, and no name elsewhere.
bool is_object_name(std::string_view name);
/// Absolute, without empty components, `.` and `..`.
bool is_directory_path(std::string_view path);

}  // namespace samhain::baseline
