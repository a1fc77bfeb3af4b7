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

bool is_imported(const baseline::Entry& known) {
  return (known.attributes & baseline::kImported) != 0;
}

/// The original read the flags of regular files only, and not in every build: 0 says nothing.
bool has_flags(const baseline::Entry& known) {
  return !is_imported(known) || known.facts.flags != 0;
}

bool differs_in_mode(const baseline::Entry& known, const FileFacts& now) {
  if (known.facts.mode != now.mode) return true;
  // What could not be opened has no flags to compare.
  return now.failed_stage != Stage::Open && has_flags(known) &&
         flags_with_letters(known.facts.flags) != flags_with_letters(now.flags);
}

/// The original kept 32 bits of it.
bool differs_in_inode(const baseline::Entry& known, const FileFacts& now) {
  if (is_imported(known)) {
    return static_cast<std::uint32_t>(known.facts.inode) != static_cast<std::uint32_t>(now.inode);
  }
  return known.facts.inode != now.inode;
}

/// The original kept whole seconds.
bool differs_in_time(const baseline::Entry& known, Timestamp before, Timestamp now) {
  // What was taken over and told since then is exact.
  const bool is_exact = !is_imported(known) || before.nanoseconds != 0;
  return is_exact ? before != now : before.seconds != now.seconds;
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

/// Of an entry that was taken over: what the original never had is passed over.
AttributeSet comparable_extended(const baseline::Entry& known, AttributeSet watched) {
  if (!is_imported(known)) return watched;
  static const ExtendedFacts none;
  const ExtendedFacts& before = known.facts.extended ? *known.facts.extended : none;
  watched.remove(Attribute::Flags);
  watched.remove(Attribute::Capabilities);
  watched.remove(Attribute::Xattrs);
  if (before.acl.empty()) watched.remove(Attribute::Acl);
  if (before.selinux.empty()) watched.remove(Attribute::Selinux);
  return watched;
}

void note_extended(const baseline::Entry& known, const FileFacts& now, AttributeSet watched,
                   AttributeSet& differing) {
  if (now.failed_stage == Stage::Open) return;  // none of it could be read
  const FileFacts& old = known.facts;
  watched = comparable_extended(known, watched);
  static const ExtendedFacts none;
  const ExtendedFacts& before = old.extended ? *old.extended : none;
  const ExtendedFacts& after = now.extended ? *now.extended : none;
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
  note(Attribute::Inode, differs_in_inode(known, now));
  note(Attribute::Hardlinks, old.links != now.links);
  note(Attribute::Mode, differs_in_mode(known, now));
  note(Attribute::User, old.uid != now.uid);
  note(Attribute::Group, old.gid != now.gid);
  note(Attribute::Mtime, differs_in_time(known, old.mtime, now.mtime));
  note(Attribute::Ctime, differs_in_time(known, old.ctime, now.ctime));
  note(Attribute::Atime, differs_in_time(known, old.atime, now.atime));
  note(Attribute::Birth, !is_imported(known) && old.btime != now.btime);
  if ((watched.bits() & kBeyondStat) != 0) note_extended(known, now, watched, differing);

  const bool grows = is_growing(known, now, watched);
  note(Attribute::Size, grows ? now.size < old.size : now.size != old.size);
  const bool is_empty_beginning = grows && old.size == 0;
  const bool has_digest = !is_imported(known) || old.digest;
  if (!is_unreadable(now) && !is_empty_beginning && has_digest) {
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
