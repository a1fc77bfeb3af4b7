#include "baseline/entry_codec.h"

#include <algorithm>
#include <memory>

#include "baseline/varint.h"

namespace samhain::baseline {
namespace {

// What an entry's first number says of it.
enum Mark : std::uint32_t {
  SamePolicy = 1U << 0,
  SameMode = 1U << 1,
  SameOwner = 1U << 2,
  SameGroup = 1U << 3,
  SameDevice = 1U << 4,
  SameLinks = 1U << 5,
  SameFlags = 1U << 6,
  CtimeIsMtime = 1U << 7,
  AtimeIsMtime = 1U << 8,
  BtimeIsMtime = 1U << 9,
  HasNoBtime = 1U << 10,
  HasDigest = 1U << 11,
  HasSecondDigest = 1U << 12,
  HasTarget = 1U << 13,
  HasRdevice = 1U << 14,
  HasExtended = 1U << 15,
};

/// An owner's name is copied into each entry that has the same: LOGIN_NAME_MAX is 256.
constexpr std::size_t kMaxOwner = 1'024;

void put_text(std::string_view text, Bytes& output) {
  put_varint(text.size(), output);
  const ByteView bytes = as_bytes(text);
  output.insert(output.end(), bytes.begin(), bytes.end());
}

/// Relative to another time, mostly near.
void put_time(const Timestamp& time, std::int64_t near, Bytes& output) {
  put_signed(static_cast<std::int64_t>(static_cast<std::uint64_t>(time.seconds) -
                                       static_cast<std::uint64_t>(near)),
             output);
  put_varint(time.nanoseconds, output);
}

Timestamp take_time(Cursor& cursor, std::int64_t near) {
  Timestamp time;
  time.seconds = static_cast<std::int64_t>(static_cast<std::uint64_t>(near) +
                                           static_cast<std::uint64_t>(cursor.signed_number()));
  time.nanoseconds = cursor.small<std::uint32_t>();
  return time;
}

void put_digest(const ContentDigest& digest, Bytes& output) {
  output.push_back(static_cast<std::uint8_t>(digest.kind));
  const ByteView bytes = digest.view();
  output.insert(output.end(), bytes.begin(), bytes.end());
}

ContentDigest take_digest(Cursor& cursor) {
  ContentDigest digest;
  const auto kind = cursor.small<std::uint8_t>();
  // An unknown kind is the end of the entry: its size is not known.
  if (kind == 0 || kind > kLastDigestKind) {
    (void)cursor.bytes(cursor.left() + 1);
    return digest;
  }
  digest.kind = static_cast<DigestKind>(kind);
  std::ranges::copy(cursor.bytes(size_of(digest.kind)), digest.bytes.begin());
  return digest;
}

void put_extended(const ExtendedFacts& extended, Bytes& output) {
  for (const std::string* text : {&extended.acl, &extended.capabilities, &extended.selinux,
                                  &extended.xattrs, &extended.content}) {
    put_text(*text, output);
  }
}

std::shared_ptr<const ExtendedFacts> take_extended(Cursor& cursor) {
  auto extended = std::make_shared<ExtendedFacts>();
  for (std::string* text : {&extended->acl, &extended->capabilities, &extended->selinux,
                            &extended->xattrs, &extended->content}) {
    *text = cursor.text();
  }
  return extended;
}

std::uint32_t marks_of(const Entry& entry, const Entry& before) {
  const FileFacts& facts = entry.facts;
  const FileFacts& last = before.facts;
  std::uint32_t marks = 0;
  const auto mark = [&](Mark one, bool holds) {
    if (holds) marks |= one;
  };
  mark(SamePolicy, entry.policy == before.policy && entry.attributes == before.attributes);
  mark(SameMode, facts.mode == last.mode);
  mark(SameOwner, facts.uid == last.uid && entry.owner == before.owner);
  mark(SameGroup, facts.gid == last.gid && entry.group == before.group);
  mark(SameDevice, facts.device == last.device);
  mark(SameLinks, facts.links == last.links);
  mark(SameFlags, facts.flags == last.flags);
  mark(CtimeIsMtime, facts.ctime == facts.mtime);
  mark(AtimeIsMtime, facts.atime == facts.mtime);
  mark(BtimeIsMtime, facts.btime == facts.mtime);
  mark(HasNoBtime, facts.btime == Timestamp{});
  mark(HasDigest, static_cast<bool>(facts.digest));
  mark(HasSecondDigest, static_cast<bool>(facts.second_digest));
  mark(HasTarget, !facts.target.empty());
  mark(HasRdevice, facts.rdevice != 0);
  mark(HasExtended, facts.extended != nullptr);
  return marks;
}

void put_entry(const Entry& entry, const Entry& before, Bytes& output) {
  const FileFacts& facts = entry.facts;
  const std::uint32_t marks = marks_of(entry, before);
  const auto unless = [&](std::uint32_t same) { return (marks & same) == 0; };
  put_varint(marks, output);
  put_text(facts.name, output);
  if (unless(SamePolicy)) {
    put_varint(entry.policy, output);
    put_varint(entry.attributes, output);
  }
  if (unless(SameMode)) put_varint(facts.mode, output);
  if (unless(SameOwner)) {
    put_varint(facts.uid, output);
    put_text(entry.owner, output);
  }
  if (unless(SameGroup)) {
    put_varint(facts.gid, output);
    put_text(entry.group, output);
  }
  if (unless(SameDevice)) put_varint(facts.device, output);
  if (unless(SameLinks)) put_varint(facts.links, output);
  if (unless(SameFlags)) put_varint(facts.flags, output);
  put_signed(static_cast<std::int64_t>(facts.inode - before.facts.inode), output);
  put_varint(facts.size, output);
  put_time(facts.mtime, before.facts.mtime.seconds, output);
  if (unless(CtimeIsMtime)) put_time(facts.ctime, before.facts.ctime.seconds, output);
  if (unless(AtimeIsMtime)) put_time(facts.atime, before.facts.atime.seconds, output);
  if (unless(BtimeIsMtime | HasNoBtime)) put_time(facts.btime, facts.ctime.seconds, output);
  if ((marks & HasRdevice) != 0) put_varint(facts.rdevice, output);
  if ((marks & HasTarget) != 0) put_text(facts.target, output);
  if ((marks & HasDigest) != 0) put_digest(facts.digest, output);
  if ((marks & HasSecondDigest) != 0) put_digest(facts.second_digest, output);
  if ((marks & HasExtended) != 0) put_extended(*facts.extended, output);
}

void take_owners(Cursor& cursor, std::uint32_t marks, const Entry& before, Entry& entry) {
  entry.facts.uid = before.facts.uid;
  entry.facts.gid = before.facts.gid;
  if ((marks & SameOwner) == 0) {
    entry.facts.uid = cursor.small<std::uint32_t>();
    entry.owner = cursor.text();
  } else {
    entry.owner = before.owner;
  }
  if ((marks & SameGroup) == 0) {
    entry.facts.gid = cursor.small<std::uint32_t>();
    entry.group = cursor.text();
  } else {
    entry.group = before.group;
  }
}

void take_entry(Cursor& cursor, const Entry& before, Entry& entry) {
  FileFacts& facts = entry.facts;
  const FileFacts& last = before.facts;
  const auto marks = cursor.small<std::uint32_t>();
  const auto has = [&](std::uint32_t mark) { return (marks & mark) != 0; };
  facts.name = cursor.text();
  entry.policy = has(SamePolicy) ? before.policy : cursor.small<std::uint8_t>();
  entry.attributes = has(SamePolicy) ? before.attributes : cursor.small<std::uint32_t>();
  facts.mode = has(SameMode) ? last.mode : cursor.small<std::uint32_t>();
  take_owners(cursor, marks, before, entry);
  facts.device = has(SameDevice) ? last.device : cursor.varint();
  facts.links = has(SameLinks) ? last.links : cursor.small<std::uint32_t>();
  facts.flags = has(SameFlags) ? last.flags : cursor.small<std::uint32_t>();
  facts.inode = last.inode + static_cast<std::uint64_t>(cursor.signed_number());
  facts.size = cursor.varint();
  facts.mtime = take_time(cursor, last.mtime.seconds);
  facts.ctime = has(CtimeIsMtime) ? facts.mtime : take_time(cursor, last.ctime.seconds);
  facts.atime = has(AtimeIsMtime) ? facts.mtime : take_time(cursor, last.atime.seconds);
  if (has(BtimeIsMtime)) {
    facts.btime = facts.mtime;
  } else if (!has(HasNoBtime)) {
    facts.btime = take_time(cursor, facts.ctime.seconds);
  }
  if (has(HasRdevice)) facts.rdevice = cursor.varint();
  if (has(HasTarget)) facts.target = cursor.text();
  if (has(HasDigest)) facts.digest = take_digest(cursor);
  if (has(HasSecondDigest)) facts.second_digest = take_digest(cursor);
  if (has(HasExtended)) facts.extended = take_extended(cursor);
}

}  // namespace

void append_entries(std::span<const Entry> entries, Bytes& output) {
  static const Entry first;
  const Entry* before = &first;
  for (const Entry& entry : entries) {
    put_entry(entry, *before, output);
    before = &entry;
  }
}

bool is_object_name(std::string_view name) {
  return !name.empty() && name != ".." &&
         name.find_first_of(std::string_view{"/\0", 2}) == name.npos;
}

bool is_directory_path(std::string_view path) {
  if (path == "/") return true;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::string_view component = path.substr(0, path.find('/'));
    if (component == "." || !is_object_name(component)) return false;
    path.remove_prefix(component.size());
    if (path.empty()) return true;
  }
  return false;
}

bool take_entries(ByteView chunk, std::size_t limit, std::vector<Entry>& entries) {
  static const Entry first;
  Cursor cursor(chunk);
  const std::size_t start = entries.size();
  while (!cursor.is_empty()) {
    if (entries.size() - start == limit) return false;
    Entry& entry = entries.emplace_back();
    const bool is_first = entries.size() == start + 1;
    take_entry(cursor, is_first ? first : entries[entries.size() - 2], entry);
    if (!cursor.is_good() || !is_object_name(entry.facts.name)) return false;
    if (entry.owner.size() > kMaxOwner || entry.group.size() > kMaxOwner) return false;
  }
  return true;
}

}  // namespace samhain::baseline
