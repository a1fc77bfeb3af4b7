#include "scan/paths.h"
#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

TEST(PathsTest, AreTakenApartAndJoined) {
  for (const char* path : {"/", "/etc", "/etc/passwd"}) {
    const Location location = locate(path);
    EXPECT_EQ(join(location.directory, location.name), path);
  }
  EXPECT_EQ(locate("/etc").directory, "/");
  EXPECT_EQ(locate("/etc/passwd").directory, "/etc");
  EXPECT_EQ(depth_of("/"), 0U);
  EXPECT_EQ(depth_of("/a/b"), 2U);
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_TRUE(is_within("/a", "/"));
  EXPECT_FALSE(is_within("/ab", "/a"));
}

TEST_F(ScanTest, LetsAFileOfAnotherPolicyHaveItsWay) {
  write_file(at("ignored"), "1");
  write_file(at("watched"), "1");
  watch(Name::ReadOnly, tree());
  watch(Name::IgnoreAll, at("ignored"), false);
  init();
  write_file(at("ignored"), "22");
  write_file(at("watched"), "22");
  check();
  EXPECT_TRUE(is_silent_about(at("ignored")));
  EXPECT_EQ(message(at("watched")), "POLICY [ReadOnly] C-------TS");
  ASSERT_EQ(unlink(at("ignored").c_str()), 0);
  check();
  EXPECT_NE(all_messages().find("POLICY MISSING " + at("ignored")), std::string::npos)
      << "that it exists still counts";
}

TEST_F(ScanTest, GoesNoDeeperThanItIsTold) {
  make_directory(at("a"));
  make_directory(at("a/b"));
  write_file(at("a/f"), "1");
  write_file(at("a/b/f"), "1");
  watch(Name::ReadOnly, tree(), true, 1);
  init();
  EXPECT_EQ(summary_.files, 4U);  // tree, a, a/b, a/f
  write_file(at("a/f"), "22");
  write_file(at("a/b/f"), "22");
  check();
  EXPECT_FALSE(is_silent_about(at("a/f")));
  EXPECT_TRUE(is_silent_about(at("a/b/f")));
}

TEST_F(ScanTest, LeavesTheContentOfAnIgnoredDirectoryAlone) {
  make_directory(at("cache"));
  write_file(at("cache/f"), "1");
  watch(Name::ReadOnly, tree());
  watch(Name::IgnoreAll, at("cache"), true, -1);
  init();
  EXPECT_EQ(summary_.files, 2U);
  write_file(at("cache/g"), "1");
  check();
  EXPECT_TRUE(is_silent_about(at("cache/g")));
}

TEST_F(ScanTest, MissesADirectoryThatIsWatchedBelowAnIgnoredOne) {
  for (const char* name : {"var", "var/x", "var/x/sub"}) make_directory(at(name));
  write_file(at("var/x/sub/f"), "1");
  watch(Name::IgnoreAll, at("var"), true, -1);
  watch(Name::ReadOnly, at("var/x"), true, 3);
  init();
  ASSERT_EQ(unlink(at("var/x/sub/f").c_str()), 0);
  ASSERT_EQ(rmdir(at("var/x/sub").c_str()), 0);
  check();
  EXPECT_EQ(message(at("var/x/sub")), "POLICY MISSING");
  EXPECT_EQ(message(at("var/x/sub/f")), "POLICY MISSING");
}

TEST_F(ScanTest, SaysThatAConfiguredPathIsAbsent) {
  settings_.severities.dirs = Severity::Err;
  settings_.severities.files = Severity::Warn;
  watch(Name::ReadOnly, at("no-file"), false);
  watch(Name::ReadOnly, at("no-dir"));
  init();
  ASSERT_EQ(reports_.size(), 4U) << all_messages();
  for (const std::string name : {"no-dir", "no-file"}) {
    std::vector<const Report*> two;
    for (const Report& report : reports_) {
      if (report.find("path") == at(name)) two.push_back(&report);
    }
    ASSERT_EQ(two.size(), 2U);
    EXPECT_EQ(two[0]->fields[0].key, "interface");
    EXPECT_EQ(two[0]->fields[0].value, "lstat");
    EXPECT_EQ(two[0]->message(), "No such file or directory");
    EXPECT_EQ(two[1]->message(), "POLICY MISSING");
    EXPECT_EQ(two[1]->fields.size(), 2U);
    EXPECT_EQ(two[1]->severity, name == "no-dir" ? Severity::Err : Severity::Warn);
  }
  check();
  ASSERT_EQ(reports_.size(), 2U) << all_messages();
  for (const Report& report : reports_) {
    EXPECT_EQ(report.message(), "Check failed");
    EXPECT_EQ(report.severity, Severity::Notice);
  }
}

TEST_F(ScanTest, TellsOfAConfiguredPathThatWentAndCameBack) {
  make_directory(at("dir"));
  write_file(at("dir/f"), "1");
  watch(Name::ReadOnly, at("dir"));
  init();
  std::filesystem::rename(at("dir"), scratch_ / "kept");
  check();
  std::vector<std::string> messages;
  for (const Report& report : reports_) {
    if (report.find("path") == at("dir")) messages.emplace_back(report.message());
  }
  EXPECT_EQ(messages, (std::vector<std::string>{"No such file or directory", "POLICY MISSING"}));
  EXPECT_EQ(message(at("dir/f")), "POLICY MISSING");

  std::filesystem::rename(scratch_ / "kept", at("dir"));
  check();
  EXPECT_EQ(message(at("dir")), "POLICY ADDED");
  EXPECT_EQ(only(at("dir")).fields.size(), 2U);
  EXPECT_EQ(message(at("dir/f")), "POLICY ADDED");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_F(ScanTest, SaysThatADirectoryIsNone) {
  write_file(at("file"), "1");
  ASSERT_EQ(symlink(tree().c_str(), (scratch_ / "link").c_str()), 0);
  for (const std::string& path : {at("file"), scratch_ / "link"}) watch(Name::ReadOnly, path);
  init();
  EXPECT_EQ(all_messages(), "POLICY NODIRECTORY " + (scratch_ / "link") + "\nPOLICY MISSING " +
                                (scratch_ / "link") + "\nPOLICY NODIRECTORY " + at("file") +
                                "\nPOLICY MISSING " + at("file") + "\n");
}

TEST_F(ScanTest, ReachesAConfiguredPathBehindASymlink) {
  write_file(at("f"), "1");
  make_directory(scratch_ / "top");
  ASSERT_EQ(symlink("../tree", (scratch_ / "top/link").c_str()), 0);
  watch(Name::ReadOnly, scratch_ / "top");
  watch(Name::ReadOnly, scratch_ / "top/link/f", false);
  init();
  EXPECT_EQ(all_messages(), "");
  write_file(at("f"), "22");
  check();
  EXPECT_EQ(message(scratch_ / "top/link/f"), "POLICY [ReadOnly] C-------TS");
}

TEST_F(ScanTest, MindsWhatIsNotConfiguredAnyMoreOnlyWhenItIsGone) {
  make_directory(at("dropped"));
  write_file(at("dropped/stays"), "1");
  write_file(at("dropped/goes"), "1");
  watch(Name::ReadOnly, at("dropped"));
  init();
  policy_ = policy::PolicyTree();
  write_file(at("f"), "1");
  watch(Name::ReadOnly, at("f"), false);
  write_file(at("dropped/stays"), "changed");
  ASSERT_EQ(unlink(at("dropped/goes").c_str()), 0);
  check();
  EXPECT_TRUE(is_silent_about(at("dropped/stays")));
  EXPECT_EQ(message(at("dropped/goes")), "POLICY MISSING");
  EXPECT_EQ(message(at("f")), "POLICY ADDED");
}

TEST_F(ScanTest, HasTheFileLineForTheInodeAndTheDirLineForTheContent) {
  write_file(at("f"), "1");
  watch(Name::ReadOnly, tree());
  watch(Name::IgnoreAll, tree(), false);
  init();
  write_file(at("g"), "1");  // changes the times of the directory
  write_file(at("f"), "22");
  check();
  EXPECT_TRUE(is_silent_about(tree())) << all_messages();
  EXPECT_EQ(message(at("f")), "POLICY [ReadOnly] C-------TS");
}

TEST_F(ScanTest, WatchesTheRootDirectoryItself) {
  watch(Name::Attributes, "/", false);
  init();
  EXPECT_EQ(summary_.files, 1U);
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_F(ScanTest, SaysWhatItMayNotRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write_file(at("secret"), "1");
  make_directory(at("closed"));
  ASSERT_EQ(chmod(at("secret").c_str(), 0), 0);
  ASSERT_EQ(chmod(at("closed").c_str(), 0), 0);
  watch(Name::ReadOnly, tree());
  init();
  EXPECT_EQ(message(at("secret")), "File not accessible");
  EXPECT_EQ(message(at("closed")), "Permission denied");
  EXPECT_EQ(only(at("closed")).find("interface"), "opendir");
  ASSERT_EQ(chmod(at("closed").c_str(), 0755), 0);
}

}  // namespace
}  // namespace samhain::scan::testing
