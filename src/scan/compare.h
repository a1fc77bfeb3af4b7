#pragma once

#include <string>

#include "baseline/baseline.h"
#include "policy/attributes.h"
#include "samhain/facts.h"

namespace samhain::scan {

/// The attributes in which an object differs from its entry, of those that a policy watches.
///
/// Growing logs (Attribute::Growing): the first bytes, as many as the entry has, must have its
/// digest, and the size may only grow; `now.prefix_digest` is of those bytes.  A file that became
/// shorter differs in checksum and size.  What could not be read does not differ in checksum.
///
/// Entries that were taken over from the original (baseline::kImported): what it did not know does
/// not differ: the upper bits of the inode, fractions of a second, when an object was made,
/// digests by TIGER192 or none, flags of 0, lists and labels that it was not told to keep.
policy::AttributeSet compare(const baseline::Entry& known, const FileFacts& now,
                             policy::AttributeSet watched);

/// The digest to be shown and remembered beside the entry's: of the same bytes.
const ContentDigest& digest_to_compare(const baseline::Entry& known, const FileFacts& now,
                                       policy::AttributeSet watched);

/// Ten positions, `-` where unchanged: checksum, link, device, inode, hardlinks, mode, user, group,
/// any time, size: "C-------TS".
std::string change_code(policy::AttributeSet differing);

/// The flags of FS_IOC_GETFLAGS that have a letter; the others (extents, index…) are the file
/// system's own affair and no change.
std::uint32_t flags_with_letters(std::uint32_t flags);

/// The flags without those by which the file system lays out what it stores (Attribute::Flags).
std::uint32_t lasting_flags(std::uint32_t flags);

}  // namespace samhain::scan
