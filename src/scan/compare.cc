#include "scan/compare.h"

#include <linux/fs.h>
#include <sys/stat.h>

#include <initializer_list>

namespace samhain::scan {

using policy::Attribute;
using policy::AttributeSet;

std::uint32_t flags_with_letters(std::uint32_t flags) {
  constexpr std::uint32_t kLetters = FS_SECRM_FL | FS_UNRM_FL | FS_SYNC_FL | FS_IMMUTABLE_FL |
                                     FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_COMPR_FL |
                                     FS_TOPDIR_FL | FS_DIRSYNC_FL | FS_NOTAIL_FL |
                                     FS_JOURNAL_DATA_FL;
  return flags & kLetters;
}

std::uint32_t lasting_flags(std::uint32_t flags) {
  constexpr std::uint32_t kOfLayout =
      FS_EXTENT_FL | FS_INDEX_FL | FS_INLINE_DATA_FL | FS_HUGE_FILE_FL;
  return flags & ~kOfLayout;
}

namespace {

bool is_growing(const baseline::Entry& known, const FileFacts& now, AttributeSet watched) {
  return watched.has(Attribute::Growing) && S_ISREG(known.facts.mode) && S_ISREG(now.mode);
}

bool is_unreadable(const FileFacts& now) {
  return now.failed_stage == Stage::Open || now.failed_stage == Stage::Read ||
         now.failed_stage == Stage::Timeout || now.failed_stage == Stage::Unstable;
}

bool differs_in_mode(const FileFacts& known, const FileFacts& now) {
  if (known.mode != now.mode) return true;
  // What could not be opened has no flags to compare.
  return now.failed_stage != Stage::Open &&
         flags_with_letters(known.flags) != flags_with_letters(now.flags);
}

bool is_comparable(const ContentDigest& a, const ContentDigest& b) {
  return a.kind == b.kind || !a || !b;
}

/// A digest by another algorithm says nothing; one that is missing on one side does.
bool differs(const ContentDigest& a, const ContentDigest& b) {
  return is_comparable(a, b) && a != b;
}

constexpr std::uint32_t bits_of(std::initializer_list<Attribute> attributes) {
  AttributeSet set;
  for (const Attribute attribute : attributes) set.add(attribute);
  return set.bits();
}
constexpr std::uint32_t kBeyondStat =
    bits_of({Attribute::Flags, Attribute::Acl, Attribute::Capabilities, Attribute::Selinux,
             Attribute::Xattrs});

void note_extended(const FileFacts& old, const FileFacts& now, AttributeSet watched,
                   AttributeSet& differing) {
  if (now.failed_stage == Stage::Open) return;  // none of it could be read
  static const ExtendedFacts kNone;
  const ExtendedFacts& before = old.extended ? *old.extended : kNone;
  const ExtendedFacts& after = now.extended ? *now.extended : kNone;
  const auto note = [&](Attribute attribute, bool is_different) {
    if (is_different && watched.has(attribute)) differing.add(attribute);
  };
  note(Attribute::Flags, lasting_flags(old.flags) != lasting_flags(now.flags));
  note(Attribute::Acl, before.acl != after.acl);
  note(Attribute::Capabilities, before.capabilities != after.capabilities);
  note(Attribute::Selinux, before.selinux != after.selinux);
  note(Attribute::Xattrs, before.xattrs != after.xattrs);
}

}  // namespace

const ContentDigest& digest_to_compare(const baseline::Entry& known, const FileFacts& now,
                                       AttributeSet watched) {
  // An empty beginning is the same in every file; a shorter file has no such beginning.
  const bool is_prefix =
      is_growing(known, now, watched) && known.facts.size > 0 && now.size >= known.facts.size;
  return is_prefix ? now.prefix_digest : now.digest;
}

AttributeSet compare(const baseline::Entry& known, const FileFacts& now, AttributeSet watched) {
  const FileFacts& old = known.facts;
  AttributeSet differing;
  const auto note = [&](Attribute attribute, bool differs) {
    if (differs && watched.has(attribute)) differing.add(attribute);
  };
  note(Attribute::Link, old.target != now.target);
  note(Attribute::Device, old.rdevice != now.rdevice);
  note(Attribute::Inode, old.inode != now.inode);
  note(Attribute::Hardlinks, old.links != now.links);
  note(Attribute::Mode, differs_in_mode(old, now));
  note(Attribute::User, old.uid != now.uid);
  note(Attribute::Group, old.gid != now.gid);
  note(Attribute::Mtime, old.mtime != now.mtime);
  note(Attribute::Ctime, old.ctime != now.ctime);
  note(Attribute::Atime, old.atime != now.atime);
  note(Attribute::Birth, old.btime != now.btime);
  if ((watched.bits() & kBeyondStat) != 0) note_extended(old, now, watched, differing);

  const bool grows = is_growing(known, now, watched);
  note(Attribute::Size, grows ? now.size < old.size : now.size != old.size);
  const bool is_empty_beginning = grows && old.size == 0;
  if (!is_unreadable(now) && !is_empty_beginning) {
    note(Attribute::Checksum, differs(old.digest, digest_to_compare(known, now, watched)) ||
                                  (!grows && differs(old.second_digest, now.second_digest)));
  }
  return differing;
}

std::string change_code(AttributeSet differing) {
  std::string code = "----------";
  const auto put = [&](std::size_t position, char letter, Attribute attribute) {
    if (differing.has(attribute)) code[position] = letter;
  };
  put(0, 'C', Attribute::Checksum);
  put(1, 'L', Attribute::Link);
  put(2, 'D', Attribute::Device);
  put(3, 'I', Attribute::Inode);
  put(4, 'H', Attribute::Hardlinks);
  for (const Attribute attribute :
       {Attribute::Mode, Attribute::Flags, Attribute::Acl, Attribute::Capabilities,
        Attribute::Selinux, Attribute::Xattrs}) {
    put(5, 'M', attribute);
  }
  put(6, 'U', Attribute::User);
  put(7, 'G', Attribute::Group);
  put(8, 'T', Attribute::Mtime);
  put(8, 'T', Attribute::Ctime);
  put(8, 'T', Attribute::Atime);
  put(8, 'T', Attribute::Birth);
  put(9, 'S', Attribute::Size);
  return code;
}

}  // namespace samhain::scan
