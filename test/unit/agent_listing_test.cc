#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/listing.h"

namespace samhain::agent {
namespace {

// 2026-11-22T20:35:45Z, and 2019-03-04T00:00:00Z.
constexpr std::int64_t kNow = 1'795'379'745;
constexpr std::int64_t kLongAgo = 1'551'657'600;

baseline::Entry entry(std::string name, std::uint32_t mode) {
  baseline::Entry result;
  result.facts.name = std::move(name);
  result.facts.mode = mode;
  result.facts.links = 1;
  result.facts.inode = 11583959;
  result.facts.device = 65024;
  result.facts.mtime.seconds = kNow;
  result.facts.ctime.seconds = kNow;
  result.facts.atime.seconds = kNow;
  result.owner = "root";
  result.group = "root";
  return result;
}

TEST(ListingTest, ShowsADirectoryAFileALinkAndADevice) {
  auto directory = entry("d", S_IFDIR | 0755);
  directory.facts.links = 2;
  directory.facts.size = 4096;
  EXPECT_EQ(short_line("/srv/demo", directory, kNow),
            "drwxr-xr-x   2 root     root         4096 Nov 22 20:35 /srv/demo/d");

  auto old = entry("old", S_IFREG | 0644);
  old.facts.mtime.seconds = kLongAgo;
  EXPECT_EQ(short_line("/srv/demo/d", old, kNow),
            "-rw-r--r--   1 root     root            0 Mar 04  2019 /srv/demo/d/old");

  auto link = entry("l", S_IFLNK | 0777);
  link.facts.size = 1;
  link.facts.target = "/srv/demo/d/f";
  EXPECT_EQ(
      short_line("/srv/demo/d", link, kNow),
      "lrwxrwxrwx   1 root     root            1 Nov 22 20:35 /srv/demo/d/l -> /srv/demo/d/f");

  auto device = entry("c", S_IFCHR | 0644);
  device.facts.rdevice = makedev(10, 200);
  EXPECT_EQ(short_line("/srv/demo/d", device, kNow),
            "crw-r--r--   1 root     root      10, 200 Nov 22 20:35 /srv/demo/d/c");
}

TEST(ListingTest, EscapesNamesAsTheLogDoes) {
  auto file = entry("f i\"le", S_IFREG | 0644);
  file.facts.size = 2;
  EXPECT_EQ(short_line("/", file, kNow),
            "-rw-r--r--   1 root     root            2 Nov 22 20:35 /f\\ i\\\"le");
  const std::string line = short_line("/", entry("a\nb", S_IFREG | 0644), kNow);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(ListingTest, ShowsAllDetails) {
  auto device = entry("c", S_IFCHR | 0644);
  device.facts.rdevice = makedev(10, 200);
  EXPECT_EQ(
      full_line("/srv/demo/d", device),
      "11583959   65024 crw-r--r--  8612 ------------     0   1 root         0 root         0 "
      "     2760 [2026-11-22T20:35:45] [2026-11-22T20:35:45] [2026-11-22T20:35:45] "
      "000000000000000000000000000000000000000000000000 /srv/demo/d/c");
}

}  // namespace
}  // namespace samhain::agent
