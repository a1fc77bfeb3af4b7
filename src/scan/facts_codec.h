#pragma once

#include <cstddef>

#include "samhain/bytes.h"
#include "samhain/facts.h"

namespace samhain::scan {

/// Longest name and link target that a measurer may tell of; Linux has 255 bytes for a name in most
/// file systems, at most 1,024 in others, and PATH_MAX for a target.
inline constexpr std::size_t kMaxName = 1'024;
inline constexpr std::size_t kMaxTarget = 4'096;

/// Facts between two processes of one program on one host: a block of numbers in the machine's own
/// order, then name, target and digests.  It is made and read once for each file of a scan, hence
/// not base::Writer's notation.
void append_facts(const FileFacts& facts, Bytes& output);

/// Takes one object's facts off the front of `input`.  False if they are cut, or no honest measurer
/// writes them: a name that is empty, too long or holds `/` or NUL, a size that does not fit, an
/// unknown stage.
bool take_facts(ByteView& input, FileFacts& facts);

/// A name as a directory can hold it, `.` included, `..` not.
bool is_good_name(std::string_view name);

}  // namespace samhain::scan
