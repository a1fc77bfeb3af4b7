#include <sys/sysmacros.h>

#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

/// The change codes of the original's samples, each by doing to a file what was done there.
class ScanChangesTest : public ScanTest {
 protected:
  void SetUp() override {
    write_file(at("file"), "old");
    watch(Name::ReadOnly, tree());
  }
};

TEST_F(ScanChangesTest, Content) {
  init();
  write_file(at("file"), "newer");
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] C-------TS");
  const Report& report = only(at("file"));
  EXPECT_EQ(report.severity, Severity::Crit);
  EXPECT_EQ(report.event_class, EventClass::Event);
  EXPECT_EQ(report.find("size_old"), "3");
  EXPECT_EQ(report.find("size_new"), "5");
  EXPECT_EQ(report.find("chksum_old"),
            "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4");
  EXPECT_EQ(report.find("chksum_new").size(), 64U);
}

TEST_F(ScanChangesTest, Mode) {
  init();
  ASSERT_EQ(chmod(at("file").c_str(), 04755), 0);
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] -----M--T-");
  EXPECT_EQ(only(at("file")).find("mode_old"), "-rw-r--r--");
  EXPECT_EQ(only(at("file")).find("mode_new"), "-rwsr-xr-x");
}

TEST_F(ScanChangesTest, Owner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  init();
  ASSERT_EQ(chown(at("file").c_str(), 1, 1), 0);
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] ------UGT-");
  EXPECT_EQ(only(at("file")).find("owner_old"), "root");
  EXPECT_EQ(only(at("file")).find("owner_new"), "daemon");
  EXPECT_EQ(only(at("file")).find("iowner_new"), "1");
  EXPECT_EQ(only(at("file")).find("igroup_new"), "1");
}

TEST_F(ScanChangesTest, Device) {
  if (mknod(at("dev").c_str(), S_IFCHR | 0600, makedev(10, 200)) != 0) {
    GTEST_SKIP() << "needs CAP_MKNOD";
  }
  init();
  ASSERT_EQ(rename(at("dev").c_str(), (scratch_ / "kept").c_str()), 0);  // its inode stays in use
  ASSERT_EQ(mknod(at("dev").c_str(), S_IFCHR | 0600, makedev(10, 201)), 0);
  check();
  EXPECT_EQ(message(at("dev")), "POLICY [ReadOnly] --DI----T-");
  EXPECT_EQ(only(at("dev")).find("device_old"), "10,200");
  EXPECT_EQ(only(at("dev")).find("device_new"), "10,201");
}

TEST_F(ScanChangesTest, Hardlink) {
  init();
  ASSERT_EQ(link(at("file").c_str(), (scratch_ / "other").c_str()), 0);
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] ----H---T-");
  EXPECT_EQ(only(at("file")).find("hardlinks_new"), "2");
}

TEST_F(ScanChangesTest, SymlinkTurned) {
  ASSERT_EQ(symlink("file", at("link").c_str()), 0);
  init();
  ASSERT_EQ(rename(at("link").c_str(), (scratch_ / "kept").c_str()), 0);
  ASSERT_EQ(symlink("other", at("link").c_str()), 0);
  check();
  EXPECT_EQ(message(at("link")), "POLICY [ReadOnly] -L-I----TS");
  EXPECT_EQ(only(at("link")).find("link_old"), at("file"));
  EXPECT_EQ(only(at("link")).find("link_new"), at("other"));
}

TEST_F(ScanChangesTest, SymlinkToFile) {
  ASSERT_EQ(symlink("file", at("link").c_str()), 0);
  init();
  ASSERT_EQ(rename(at("link").c_str(), (scratch_ / "kept").c_str()), 0);
  write_file(at("link"), "eleven byte");
  check();
  EXPECT_EQ(message(at("link")), "POLICY [ReadOnly] CL-I-M--TS");
  EXPECT_EQ(only(at("link")).find("chksum_old"), std::string(48, '0'));
  EXPECT_EQ(only(at("link")).find("link_new"), "-");
}

TEST_F(ScanChangesTest, FileToSymlink) {
  init();
  ASSERT_EQ(rename(at("file").c_str(), (scratch_ / "kept").c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", at("file").c_str()), 0);
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] CL-I-M--TS");
  EXPECT_EQ(only(at("file")).find("chksum_new"), std::string(48, '0'));
}

TEST_F(ScanChangesTest, AttributeLetter) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may set attributes";
  init();
  if (system(("chattr +d " + at("file") + " 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "no attributes here";
  }
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] -----M--T-");
  EXPECT_EQ(only(at("file")).find("attr_old"), "------------");
  EXPECT_EQ(only(at("file")).find("attr_new"), "-----d------");
}

TEST_F(ScanChangesTest, Added) {
  init();
  write_file(at("added file"), "four");
  make_directory(at("dir"));
  write_file(at("dir/inside"), "1");
  check();
  EXPECT_EQ(message(at("added file")), "POLICY ADDED");
  EXPECT_EQ(only(at("added file")).find("size_new"), "4");
  EXPECT_EQ(only(at("added file")).find("chksum_new").size(), 64U);
  EXPECT_EQ(message(at("dir")), "POLICY ADDED");
  EXPECT_EQ(message(at("dir/inside")), "POLICY ADDED");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_F(ScanChangesTest, Missing) {
  make_directory(at("dir"));
  make_directory(at("dir/sub"));
  write_file(at("dir/sub/inside"), "1");
  init();
  ASSERT_EQ(unlink(at("file").c_str()), 0);
  std::filesystem::remove_all(at("dir"));
  check();
  for (const std::string name : {"file", "dir", "dir/sub", "dir/sub/inside"}) {
    EXPECT_EQ(message(at(name)), "POLICY MISSING") << name;
  }
  EXPECT_EQ(only(at("file")).find("size_old"), "3");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_F(ScanChangesTest, DirectoryTurnedIntoASymlink) {
  make_directory(at("dir"));
  write_file(at("dir/inside"), "1");
  init();
  ASSERT_EQ(rename(at("dir").c_str(), (scratch_ / "moved").c_str()), 0);
  ASSERT_EQ(symlink((scratch_ / "moved").c_str(), at("dir").c_str()), 0);
  check();
  EXPECT_EQ(message(at("dir")).substr(0, 24), "POLICY [ReadOnly] -L-IHM");
  EXPECT_EQ(message(at("dir/inside")), "POLICY MISSING");
}

TEST_F(ScanTest, AccessTimeUnderIgnoreNone) {
  write_file(at("file"), "old");
  set_times(at("file"), 1'000, 1'000);
  watch(Name::IgnoreNone, tree());
  init();
  check();
  EXPECT_TRUE(is_silent_about(at("file"))) << "our own reading must not count";
  set_times(at("file"), 5'000, 1'000);
  check();
  EXPECT_EQ(message(at("file")), "POLICY [IgnoreNone] --------T-");
  EXPECT_EQ(only(at("file")).find("atime_new"), "[1970-01-01T01:23:20]");
}

TEST_F(ScanTest, UsesTheSeverityOfThePolicy) {
  write_file(at("file"), "old");
  settings_.severities.of_policy[Name::ReadOnly] = Severity::Warn;
  settings_.severities.files = Severity::Notice;
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("added"), "1");
  ASSERT_EQ(unlink(at("file").c_str()), 0);
  check();
  EXPECT_EQ(only(at("added")).severity, Severity::Warn);
  EXPECT_EQ(only(at("file")).severity, Severity::Notice);
}

TEST_F(ScanTest, ShowsFullDetailWhenAskedFor) {
  write_file(at("file"), "old");
  settings_.reports_full_detail = true;
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("file"), "newer");
  check();
  EXPECT_EQ(message(at("file")), "POLICY [ReadOnly] C-------TS");
  EXPECT_EQ(only(at("file")).find("device_new"), "0,0");
  EXPECT_EQ(only(at("file")).find("mode_new"), "-rw-r--r--");
}

}  // namespace
}  // namespace samhain::scan::testing
