#include "scan/directory_counts.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "samhain/bytes.h"
#include "sys/file.h"

namespace samhain::scan {
namespace {

constexpr const char* kMountInfo = "/proc/self/mountinfo";
constexpr std::size_t kMaxMountInfo = 16U << 20;

/// Not btrfs, overlay and proc, where directories have one link, nor what others serve (FUSE, NFS),
/// where it is anybody's guess, nor zfs with its hidden directories.
constexpr std::array<std::string_view, 10> kLinking = {
    "ext2", "ext3", "ext4", "xfs", "f2fs", "jfs", "reiserfs", "tmpfs", "ramfs", "devtmpfs"};

}  // namespace

void EntryCounts::add(const FileFacts& facts) {
  switch (facts.mode & S_IFMT) {
    case S_IFDIR:
      ++directories;
      return;
    case S_IFREG:
      ++files;
      return;
    case S_IFLNK:
      ++symlinks;
      return;
    case S_IFIFO:
      ++pipes;
      return;
    case S_IFSOCK:
      ++sockets;
      return;
    case S_IFCHR:
      ++characters;
      return;
    case S_IFBLK:
      ++blocks;
      return;
    default:
      is_certain = false;
  }
}

std::map<std::uint64_t, bool> read_mounts(std::string_view mountinfo) {
  std::map<std::uint64_t, bool> types;
  for (const std::string_view line : base::split(mountinfo, "\n")) {
    // "36 35 8:1 / /mnt rw,noatime master:1 - ext4 /dev/sda1 rw"; the names have no blanks.
    const auto fields = base::split(line, " ");
    const auto dash = std::ranges::find(fields, "-");
    if (fields.size() < 3 || fields.end() - dash < 2) continue;
    const std::size_t colon = fields[2].find(':');
    if (colon == std::string_view::npos) continue;
    const auto major = base::to_number<unsigned>(fields[2].substr(0, colon));
    const auto minor = base::to_number<unsigned>(fields[2].substr(colon + 1));
    if (!major || !minor) continue;
    types[makedev(*major, *minor)] = std::ranges::find(kLinking, *(dash + 1)) != kLinking.end();
  }
  return types;
}

bool LinkingFileSystems::has(std::uint64_t device) {
  if (!types_) {
    const auto text = sys::read_file(kMountInfo, kMaxMountInfo);
    types_ = text ? read_mounts(as_text(*text)) : std::map<std::uint64_t, bool>{};
  }
  const auto found = types_->find(device);
  return found != types_->end() && found->second;
}

}  // namespace samhain::scan
