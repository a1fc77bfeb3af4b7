#pragma once

#include <span>
#include <vector>

#include "baseline/baseline.h"
#include "samhain/bytes.h"

namespace samhain::baseline {

/// Entries of one directory as a chunk of the file (docs/baseline-format.md section 4): what is as
/// in the entry before takes no room.
void append_entries(std::span<const Entry> entries, Bytes& output);

/// Takes a whole chunk apart and appends its entries.  False: it is malformed.
bool take_entries(ByteView chunk, std::vector<Entry>& entries);

}  // namespace samhain::baseline
