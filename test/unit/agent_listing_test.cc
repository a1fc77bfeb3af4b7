#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <memory>

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

TEST(ListingTest, SeparatesFieldsByCommas) {
  auto link = entry("l", S_IFLNK | 0777);
  link.facts.inode = 11583930;
  link.facts.size = 1;
  link.facts.target = "/srv/demo/d/f";
  EXPECT_EQ(
      delimited_line("/srv/demo/d", link),
      "11583930,   65024, lrwxrwxrwx, 41471, ------------,     0,   1, root    ,     0, root    "
      ",     0,         1, [2026-11-22T20:35:45], [2026-11-22T20:35:45], "
      "[2026-11-22T20:35:45], 000000000000000000000000000000000000000000000000, "
      "\"/srv/demo/d/l\", \"/srv/demo/d/f\", no_attr");
  const std::string line = delimited_line("/srv/demo/d", entry("f i\"le", S_IFREG | 0644));
  EXPECT_NE(line.find(R"(, "/srv/demo/d/f\ i\""le", no_attr)"), std::string::npos) << line;
}

TEST(ListingTest, EndsWithWhatFewObjectsHave) {
  auto file = entry("f", S_IFREG | 0644);
  auto extended = std::make_shared<ExtendedFacts>();
  extended->acl = "acl_access:u::rw-,g::r--,o::r--";
  extended->capabilities = "cap_net_raw=ep";
  file.facts.extended = extended;
  const std::string_view rest = "acl_access:u::rw-,g::r--,o::r-- capabilities:cap_net_raw=ep";
  EXPECT_TRUE(full_line("/", file).ends_with(fmt::format(" /f {}", rest))) << full_line("/", file);
  EXPECT_TRUE(delimited_line("/", file).ends_with(fmt::format("\"/f\", {}", rest)));
}

TEST(ListingTest, TellsEverythingAsJson) {
  auto file = entry("a\"\n\\", S_IFREG | 0644);
  file.policy = 1;
  file.attributes = 0xF7F;
  file.facts.mtime.nanoseconds = 5;
  const std::string line = json_line("/d", file);
  EXPECT_TRUE(line.starts_with(R"({"path":"/d/a\"\u000a\\","policy":"ReadOnly","mask":3967,)"))
      << line;
  EXPECT_NE(line.find(R"("mtime":{"seconds":1795379745,"nanoseconds":5})"), std::string::npos);
  EXPECT_EQ(line.find("btime"), std::string::npos);
  EXPECT_TRUE(json_line("/", entry("\xff", S_IFREG)).starts_with(R"({"path_base64":"L/8=",)"));
}

}  // namespace
}  // namespace samhain::agent
