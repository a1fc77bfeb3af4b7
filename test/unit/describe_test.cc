#include "scan/describe.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "report/form.h"

namespace samhain::scan {
namespace {

using baseline::Entry;
using policy::Attribute;

std::string keys_of(const Report& report) {
  std::string keys;
  for (const Field& field : report.fields) keys.append(keys.empty() ? "" : " ").append(field.key);
  return keys;
}

Entry known_file() {
  Entry entry;
  entry.facts.name = "f";
  entry.facts.mode = S_IFREG | 0644;
  entry.facts.size = 5;
  entry.facts.inode = 77;
  entry.facts.links = 1;
  entry.facts.flags = FS_EXTENT_FL;
  entry.facts.ctime = entry.facts.atime = entry.facts.mtime = {1'795'379'286, 5};
  entry.owner = entry.group = "root";
  return entry;
}

TEST(DescribeTest, ShowsModesAsLsDoes) {
  EXPECT_EQ(mode_text(S_IFREG | 0644), "-rw-r--r--");
  EXPECT_EQ(mode_text(S_IFDIR | 01777), "drwxrwxrwt");
  EXPECT_EQ(mode_text(S_IFREG | 04755), "-rwsr-xr-x");
  EXPECT_EQ(mode_text(S_IFREG | 07000), "---S--S--T");
  EXPECT_EQ(mode_text(S_IFLNK | 0777), "lrwxrwxrwx");
  EXPECT_EQ(mode_text(S_IFIFO), "|---------");
  EXPECT_EQ(mode_text(S_IFSOCK), "s---------");
  EXPECT_EQ(mode_text(S_IFCHR), "c---------");
  EXPECT_EQ(mode_text(S_IFBLK), "b---------");
  EXPECT_EQ(mode_text(0), "?---------");
}

TEST(DescribeTest, ShowsAttributeLettersInTheirPlaces) {
  EXPECT_EQ(flags_text(0), "------------");
  EXPECT_EQ(flags_text(FS_EXTENT_FL), "------------");
  EXPECT_EQ(flags_text(FS_IMMUTABLE_FL | FS_NODUMP_FL), "---i-d------");
  EXPECT_EQ(flags_text(0xFFFFFFFF), "suSiadAcTDtj");
}

TEST(DescribeTest, ShowsWhereALinkLeads) {
  EXPECT_EQ(target_text("/srv/demo", "f"), "/srv/demo/f");
  EXPECT_EQ(target_text("/", "f"), "/f");
  EXPECT_EQ(target_text("/srv/demo", "../f"), "/srv/demo/../f");
  EXPECT_EQ(target_text("/srv/demo", "/etc/f"), "/etc/f");
  EXPECT_EQ(target_text("/srv/demo", ""), "-");
}

TEST(DescribeTest, NamesWhatDiffersInTheFixedOrder) {
  const policy::Rule rule{policy::Name::ReadOnly, policy::attributes_of(policy::Name::ReadOnly)};
  policy::AttributeSet every = rule.attributes;
  every.add(Attribute::Atime);
  const Report report = describe_changed("/d/f", known_file(), known_file(), rule, every, {}, 42);
  EXPECT_EQ(report.message(), "POLICY [ReadOnly] CLDIHMUGTS");
  EXPECT_EQ(report.event_class, EventClass::Event);
  EXPECT_EQ(report.time_ns, 42);
  EXPECT_EQ(keys_of(report),
            "msg path mode_old mode_new attr_old attr_new hardlinks_old hardlinks_new device_old "
            "device_new inode_old inode_new owner_old owner_new iowner_old iowner_new group_old "
            "group_new igroup_old igroup_new size_old size_new ctime_old ctime_new atime_old "
            "atime_new mtime_old mtime_new chksum_old chksum_new link_old link_new");
}

TEST(DescribeTest, NamesOnlyWhatDiffers) {
  Entry now = known_file();
  now.facts.size = 6;
  policy::AttributeSet differing;
  differing.add(Attribute::Size);
  const policy::Rule rule{policy::Name::User1, policy::attributes_of(policy::Name::User1)};
  const Report report = describe_changed("/d/f", known_file(), now, rule, differing, {}, 0);
  EXPECT_EQ(report.message(), "POLICY [User1] ---------S");
  EXPECT_EQ(keys_of(report), "msg path size_old size_new");
  EXPECT_EQ(report.find("size_old"), "5");
  EXPECT_EQ(report.find("size_new"), "6");
}

TEST(DescribeTest, ShowsEverythingInFullDetailButNoChangeThatIsNone) {
  policy::AttributeSet differing;
  differing.add(Attribute::Size);
  const policy::Rule rule{policy::Name::ReadOnly, policy::attributes_of(policy::Name::ReadOnly)};
  const Report report = describe_changed("/d/f", known_file(), known_file(), rule, differing,
                                         {.full_detail = true}, 0);
  EXPECT_EQ(report.message(), "POLICY [ReadOnly] ---------S");
  EXPECT_EQ(report.find("device_old"), "0,0");
  EXPECT_EQ(report.find("link_new"), "-");
  EXPECT_EQ(report.find("atime_old"), "");
  EXPECT_EQ(report.find("chksum_old"), std::string(48, '0'));
}

TEST(DescribeTest, TellsAllOfWhatWasAdded) {
  const Report report = describe_added("/d/f", known_file(), {}, 0);
  EXPECT_EQ(report.message(), "POLICY ADDED");
  EXPECT_EQ(keys_of(report),
            "msg path mode_new attr_new imode_new iattr_new hardlinks_new idevice_new inode_new "
            "owner_new iowner_new group_new igroup_new size_old size_new ctime_new atime_new "
            "mtime_new chksum_new");
  EXPECT_EQ(report.find("imode_new"), "33188");
  EXPECT_EQ(report.find("iattr_new"), "524288");
  EXPECT_EQ(report.find("size_old"), "0");
  EXPECT_EQ(report.find("size_new"), "5");
  EXPECT_EQ(report.find("ctime_new"), "[2026-11-22T20:28:06]");
}

TEST(DescribeTest, TellsAllOfWhatIsMissing) {
  Entry link = known_file();
  link.facts.mode = S_IFLNK | 0777;
  link.facts.target = "f";
  const Report report = describe_missing("/srv/demo/d/newl", link, {}, 0);
  EXPECT_EQ(report.message(), "POLICY MISSING");
  EXPECT_EQ(report.find("size_old"), "5");
  EXPECT_EQ(report.find("size_new"), "0");
  EXPECT_EQ(report.find("iattr_old"), "0");
  EXPECT_EQ(report.find("link_old"), "/srv/demo/d/f");
  EXPECT_EQ(report.fields.back().key, "link_old");
}

/// The samples of the original in its own form, with our digests and without what was not asked
/// for.
TEST(DescribeTest, LooksLikeTheOriginalsLinesInTheClassicForm) {
  Entry now = known_file();
  now.facts.mode = S_IFREG | 0600;
  policy::AttributeSet differing;
  differing.add(Attribute::Mode);
  const policy::Rule rule{policy::Name::ReadOnly, policy::attributes_of(policy::Name::ReadOnly)};
  Report report = describe_changed("/srv/demo/ro/perm", known_file(), now, rule, differing, {}, 0);
  const std::string line = report::line_of(report, report::Form::Classic);
  EXPECT_EQ(line.substr(line.find("msg=")),
            "msg=<POLICY [ReadOnly] -----M---->, path=</srv/demo/ro/perm>, mode_old=<-rw-r--r-->, "
            "mode_new=<-rw------->, attr_old=<------------>, attr_new=<------------>, ");

  report = describe_added("/srv/demo/ro/added file", now, {}, 0);
  const std::string added = report::line_of(report, report::Form::Classic);
  EXPECT_NE(added.find("path=</srv/demo/ro/added\\ file>, mode_new=<-rw------->, "),
            std::string::npos)
      << added;
}

}  // namespace
}  // namespace samhain::scan
