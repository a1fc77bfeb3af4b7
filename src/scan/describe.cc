#include "scan/describe.h"

#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hex.h"
#include "report/catalog.h"
#include "scan/paths.h"

namespace samhain::scan {
namespace {

using baseline::Entry;
using policy::Attribute;
using policy::AttributeSet;

constexpr std::size_t kDigestDigits = 48;

char type_letter(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return '-';
    case S_IFLNK:
      return 'l';
    case S_IFDIR:
      return 'd';
    case S_IFCHR:
      return 'c';
    case S_IFBLK:
      return 'b';
    case S_IFIFO:
      return '|';
    case S_IFSOCK:
      return 's';
    default:
      return '?';
  }
}

/// Shorter digests are filled up to the width of the original's column.
std::string digest_text(const ContentDigest& digest) {
  switch (digest.kind) {
    case DigestKind::Sha256:
    case DigestKind::Sha512:
    case DigestKind::Blake2b:
      return base::hex(digest.view());
    case DigestKind::None:
    case DigestKind::Sha1:
    case DigestKind::Md5:
    case DigestKind::Tiger192:
      break;
  }
  std::string text = base::upper_hex(digest.view());
  text.resize(std::max(text.size(), kDigestDigits), '0');
  return text;
}

/// Nanoseconds where the seconds do not tell two times apart.
std::string exact_time_text(const Timestamp& time, std::string text) {
  text.insert(text.size() - 1, fmt::format(".{:09}", time.nanoseconds));
  return text;
}

const ExtendedFacts& extended_of(const FileFacts& facts) {
  static const ExtendedFacts none;
  return facts.extended ? *facts.extended : none;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

/// A kept content, as the original shows it.
std::string content_text(const std::string& content) {
  return base::base64(as_bytes(content), base::kOriginalDigits);
}

std::string time_text(const Timestamp& time, Wording wording) {
  if (!wording.uses_local_time) return fmt::format("[{}]", base::utc_time(time.seconds));
  // Seconds beyond what nanoseconds can count (the year 2262) are shown in UTC.
  constexpr std::int64_t kBillion = 1'000'000'000;
  if (time.seconds > INT64_MAX / kBillion - 1 || time.seconds < INT64_MIN / kBillion + 1) {
    return fmt::format("[{}]", base::utc_time(time.seconds));
  }
  const std::string text = base::local_time(time.seconds * kBillion);
  return fmt::format("[{}]", text.substr(0, text.size() - 5));  // without the zone
}

std::string device_text(std::uint64_t device) {
  return fmt::format("{},{}", gnu_dev_major(device), gnu_dev_minor(device));
}

/// The fields of one report, added in order.
class Fields {
 public:
  explicit Fields(std::string_view path) { add("path", std::string{path}); }
  void add(std::string_view key, std::string value) {
    fields_.push_back(Field{std::string{key}, std::move(value)});
  }
  void pair(std::string_view key, std::string before, std::string after) {
    add(fmt::format("{}_old", key), std::move(before));
    add(fmt::format("{}_new", key), std::move(after));
  }
  std::vector<Field> take() { return std::move(fields_); }

 private:
  std::vector<Field> fields_;
};

void add_times(Fields& fields, const FileFacts& old, const FileFacts& now, AttributeSet shown,
               Wording wording) {
  const auto pair = [&](Attribute attribute, std::string_view key, Timestamp before,
                        Timestamp after) {
    if (!shown.has(attribute)) return;
    std::string was = time_text(before, wording);
    std::string is = time_text(after, wording);
    if (was == is && before != after) {
      was = exact_time_text(before, std::move(was));
      is = exact_time_text(after, std::move(is));
    }
    fields.pair(key, std::move(was), std::move(is));
  };
  pair(Attribute::Ctime, "ctime", old.ctime, now.ctime);
  pair(Attribute::Atime, "atime", old.atime, now.atime);
  pair(Attribute::Mtime, "mtime", old.mtime, now.mtime);
  pair(Attribute::Birth, "btime", old.btime, now.btime);
}

void add_extended(Fields& fields, const FileFacts& old, const FileFacts& now, AttributeSet shown) {
  const ExtendedFacts& before = extended_of(old);
  const ExtendedFacts& after = extended_of(now);
  const auto pair = [&](Attribute attribute, std::string_view key,
                        std::string ExtendedFacts::*fact) {
    if (shown.has(attribute)) fields.pair(key, or_dash(before.*fact), or_dash(after.*fact));
  };
  pair(Attribute::Acl, "acl", &ExtendedFacts::acl);
  pair(Attribute::Capabilities, "capabilities", &ExtendedFacts::capabilities);
  pair(Attribute::Selinux, "selinux", &ExtendedFacts::selinux);
  pair(Attribute::Xattrs, "xattr", &ExtendedFacts::xattrs);
}

/// What stands in a report of an object that differs in `differing`: with the mode always its
/// access control list too, where that is watched.
AttributeSet shown_of(AttributeSet watched, AttributeSet differing) {
  AttributeSet shown = differing;
  const bool shows_mode = differing.has(Attribute::Mode) || differing.has(Attribute::Acl);
  if (shows_mode && watched.has(Attribute::Mode)) shown.add(Attribute::Mode);
  if (shows_mode && watched.has(Attribute::Acl)) shown.add(Attribute::Acl);
  return shown;
}

/// What ReportFullDetail shows: all of ReadOnly, atime too where the policy watches it.
AttributeSet full_set(AttributeSet watched) {
  AttributeSet all = policy::attributes_of(policy::Name::ReadOnly);
  if (watched.has(Attribute::Atime)) all.add(Attribute::Atime);
  return all;
}

/// In octal, as the original does: the attributes in its bits and ours, the mark of an entry that
/// was made here, and the place of the digest's kind, where the original has 4 for SHA-256.
std::string check_flags_text(std::uint32_t attributes) {
  constexpr std::uint32_t kMark = 0xD000'0000;
  constexpr std::uint32_t kSha256 = 0x0400'0000;
  return fmt::format("0{:o}", attributes | kMark | kSha256);
}

/// All fields of one side; `suffix` says which: "new" of what was added, "old" of what is missing.
std::vector<Field> all_fields(std::string_view path, const Entry& entry, std::string_view suffix,
                              Wording wording) {
  const FileFacts& facts = entry.facts;
  const AttributeSet watched(entry.attributes);
  Fields fields(path);
  const auto add = [&](std::string_view key, std::string value) {
    fields.add(fmt::format("{}_{}", key, suffix), std::move(value));
  };
  const bool is_new = suffix == "new";
  if (wording.check_flags) add("checkflags", check_flags_text(entry.attributes));
  add("mode", mode_text(facts.mode));
  add("attr", flags_text(facts.flags));
  add("imode", std::to_string(facts.mode));
  add("iattr", std::to_string(S_ISREG(facts.mode) ? facts.flags : 0));
  add("hardlinks", std::to_string(facts.links));
  add("idevice", std::to_string(facts.rdevice));
  add("inode", std::to_string(facts.inode));
  add("owner", entry.owner);
  add("iowner", std::to_string(facts.uid));
  add("group", entry.group);
  add("igroup", std::to_string(facts.gid));
  fields.pair("size", std::to_string(is_new ? 0 : facts.size),
              std::to_string(is_new ? facts.size : 0));
  add("ctime", time_text(facts.ctime, wording));
  add("atime", time_text(facts.atime, wording));
  add("mtime", time_text(facts.mtime, wording));
  if (facts.btime != Timestamp{} && watched.has(Attribute::Birth)) {
    add("btime", time_text(facts.btime, wording));
  }
  add("chksum", digest_text(facts.digest));
  if (facts.second_digest) add("chksum2", digest_text(facts.second_digest));
  const ExtendedFacts& extended = extended_of(facts);
  if (S_ISLNK(facts.mode)) {
    add("link", target_text(locate(path).directory, facts.target));
  } else if (!extended.content.empty()) {
    add("link", content_text(extended.content));
  }
  const auto add_if = [&](std::string_view key, const std::string& text) {
    if (!text.empty()) add(key, text);
  };
  add_if("acl", extended.acl);
  add_if("capabilities", extended.capabilities);
  add_if("selinux", extended.selinux);
  add_if("xattr", extended.xattrs);
  return fields.take();
}

}  // namespace

std::string mode_text(std::uint32_t mode) {
  std::string text(1, type_letter(mode));
  constexpr std::array<std::uint32_t, 3> kSpecial = {S_ISUID, S_ISGID, S_ISVTX};
  constexpr std::string_view kWithExecute = "sst";
  constexpr std::string_view kWithout = "SST";
  for (unsigned who = 0; who < 3; ++who) {
    const std::uint32_t bits = mode >> (6 - 3 * who);
    text += (bits & 4) != 0 ? 'r' : '-';
    text += (bits & 2) != 0 ? 'w' : '-';
    const bool executes = (bits & 1) != 0;
    if ((mode & kSpecial[who]) != 0) {
      text += executes ? kWithExecute[who] : kWithout[who];
    } else {
      text += executes ? 'x' : '-';
    }
  }
  return text;
}

std::string flags_text(std::uint32_t flags) {
  constexpr std::string_view kLetters = "suSiadAcTDtj";
  constexpr std::array<std::uint32_t, 12> kFlags = {
      FS_SECRM_FL,   FS_UNRM_FL,  FS_SYNC_FL,   FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL,
      FS_NOATIME_FL, FS_COMPR_FL, FS_TOPDIR_FL, FS_DIRSYNC_FL,   FS_NOTAIL_FL, FS_JOURNAL_DATA_FL};
  std::string text(kLetters.size(), '-');
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if ((flags & kFlags[i]) != 0) text[i] = kLetters[i];
  }
  return text;
}

std::string all_flags_text(std::uint32_t flags) {
  struct Letter {
    std::uint32_t flag;
    char letter;
  };
  // In the order of lsattr(1).
  constexpr std::array<Letter, 18> kLetters = {{{FS_SECRM_FL, 's'},
                                                {FS_UNRM_FL, 'u'},
                                                {FS_SYNC_FL, 'S'},
                                                {FS_DIRSYNC_FL, 'D'},
                                                {FS_IMMUTABLE_FL, 'i'},
                                                {FS_APPEND_FL, 'a'},
                                                {FS_NODUMP_FL, 'd'},
                                                {FS_NOATIME_FL, 'A'},
                                                {FS_COMPR_FL, 'c'},
                                                {FS_ENCRYPT_FL, 'E'},
                                                {FS_JOURNAL_DATA_FL, 'j'},
                                                {FS_NOTAIL_FL, 't'},
                                                {FS_TOPDIR_FL, 'T'},
                                                {FS_NOCOW_FL, 'C'},
                                                {FS_DAX_FL, 'x'},
                                                {FS_CASEFOLD_FL, 'F'},
                                                {FS_PROJINHERIT_FL, 'P'},
                                                {FS_VERITY_FL, 'V'}}};
  std::string text;
  for (const Letter& one : kLetters) {
    if ((flags & one.flag) != 0) text.push_back(one.letter);
  }
  return text.empty() ? "-" : text;
}

std::string target_text(std::string_view directory, std::string_view target) {
  if (target.empty()) return "-";
  return target[0] == '/' ? std::string{target} : join(directory, target);
}

Report describe_changed(std::string_view path, const Entry& known, const Entry& now,
                        const policy::Rule& rule, AttributeSet differing, Wording wording,
                        std::int64_t time_ns) {
  AttributeSet shown = shown_of(rule.attributes, differing);
  if (wording.full_detail) {
    shown = AttributeSet(full_set(rule.attributes).bits() | shown.bits());
  }
  const FileFacts& old = known.facts;
  const FileFacts& fresh = now.facts;
  const std::string directory = locate(path).directory;
  Fields fields(path);
  const auto pair = [&](Attribute attribute, std::string_view key, std::string before,
                        std::string after) {
    if (shown.has(attribute)) fields.pair(key, std::move(before), std::move(after));
  };
  if (wording.check_flags && known.attributes != now.attributes) {
    fields.pair("checkflags", check_flags_text(known.attributes), check_flags_text(now.attributes));
  }
  pair(Attribute::Mode, "mode", mode_text(old.mode), mode_text(fresh.mode));
  pair(Attribute::Mode, "attr", flags_text(old.flags), flags_text(fresh.flags));
  pair(Attribute::Flags, "flags", all_flags_text(old.flags), all_flags_text(fresh.flags));
  add_extended(fields, old, fresh, shown);
  pair(Attribute::Hardlinks, "hardlinks", std::to_string(old.links), std::to_string(fresh.links));
  pair(Attribute::Device, "device", device_text(old.rdevice), device_text(fresh.rdevice));
  pair(Attribute::Inode, "inode", std::to_string(old.inode), std::to_string(fresh.inode));
  pair(Attribute::User, "owner", known.owner, now.owner);
  pair(Attribute::User, "iowner", std::to_string(old.uid), std::to_string(fresh.uid));
  pair(Attribute::Group, "group", known.group, now.group);
  pair(Attribute::Group, "igroup", std::to_string(old.gid), std::to_string(fresh.gid));
  pair(Attribute::Size, "size", std::to_string(old.size), std::to_string(fresh.size));
  add_times(fields, old, fresh, shown, wording);
  pair(Attribute::Checksum, "chksum", digest_text(old.digest),
       digest_text(digest_to_compare(known, fresh, rule.attributes)));
  if (old.second_digest || fresh.second_digest) {
    pair(Attribute::Checksum, "chksum2", digest_text(old.second_digest),
         digest_text(fresh.second_digest));
  }
  const std::string& old_content = extended_of(old).content;
  const std::string& new_content = extended_of(fresh).content;
  if (shown.has(Attribute::Link)) {
    fields.pair("link", target_text(directory, old.target), target_text(directory, fresh.target));
  } else if (!old_content.empty() || !new_content.empty()) {
    pair(Attribute::Checksum, "link", or_dash(content_text(old_content)),
         or_dash(content_text(new_content)));
  }
  return report::make_filled(report::kPolicyChanged,
                             {policy::tag_of(rule.policy), change_code(differing)}, time_ns,
                             fields.take());
}

Report describe_added(std::string_view path, const Entry& now, Wording wording,
                      std::int64_t time_ns) {
  return report::make(report::kPolicyAdded, time_ns, all_fields(path, now, "new", wording));
}

Report describe_missing(std::string_view path, const Entry& known, Wording wording,
                        std::int64_t time_ns) {
  return report::make(report::kPolicyMissing, time_ns, all_fields(path, known, "old", wording));
}

}  // namespace samhain::scan
