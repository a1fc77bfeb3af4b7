#pragma once

namespace samhain::baseline {

// The tables of docs/baseline-format.md section 3; a change needs a new kFormat.

inline constexpr const char* kCreateTables = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE directory (path TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
  directory INTEGER NOT NULL, name TEXT NOT NULL,
  policy INTEGER NOT NULL, attributes INTEGER NOT NULL,
  mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL,
  owner TEXT NOT NULL, group_name TEXT NOT NULL,
  links INTEGER NOT NULL, flags INTEGER NOT NULL,
  inode INTEGER NOT NULL, device INTEGER NOT NULL, rdevice INTEGER NOT NULL,
  size INTEGER NOT NULL,
  atime INTEGER NOT NULL, atime_ns INTEGER NOT NULL,
  mtime INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  ctime INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  target TEXT, digest BLOB,
  PRIMARY KEY (directory, name)) WITHOUT ROWID;
)";

/// The columns of an entry, in the order in which both sides use them.
#define SAMHAIN_ENTRY_COLUMNS                                                                 \
  "directory, name, policy, attributes, mode, uid, gid, owner, group_name, links, flags, "    \
  "inode, device, rdevice, size, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns, target, " \
  "digest"

/// Their numbers in a SELECT; a parameter of the INSERT is one higher.
namespace column {
enum Number : int {
  Directory,
  Name,
  Policy,
  Attributes,
  Mode,
  Uid,
  Gid,
  Owner,
  GroupName,
  Links,
  Flags,
  Inode,
  Device,
  Rdevice,
  Size,
  Atime,
  AtimeNs,
  Mtime,
  MtimeNs,
  Ctime,
  CtimeNs,
  Target,
  Digest
};
}  // namespace column

}  // namespace samhain::baseline
