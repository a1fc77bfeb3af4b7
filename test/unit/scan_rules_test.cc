// Side rules: what is judged, told and counted beside the policies.

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "scan/directory_counts.h"
#include "scan/judge.h"
#include "scan/side_rules.h"
#include "sys/file.h"
#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

TEST_F(ScanTest, LooseDirectoriesMayGetNewEntries) {
  settings_.rules.is_loose_on_directories = true;
  make_directory(at("d"));
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("d/new"), "1");
  check();
  EXPECT_EQ(message(at("d/new")), "POLICY ADDED");
  EXPECT_TRUE(is_silent_about(at("d")));
  ASSERT_EQ(chmod(at("d").c_str(), 0700), 0);
  check();
  EXPECT_EQ(message(at("d")).substr(0, 26), "POLICY [ReadOnly] -----M--");
}

TEST_F(ScanTest, StrictDirectoriesMayNot) {
  make_directory(at("d"));
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("d/new"), "1");
  check();
  EXPECT_NE(message(at("d")).find("T"), std::string_view::npos);
}

TEST_F(ScanTest, IgnoresWhatIsAddedMissingOrModifiedByPatterns) {
  settings_.rules.ignore_added = {at("new")};
  settings_.rules.ignore_missing = {at("old")};
  settings_.rules.skip.ignore_modified = {at("mod")};
  for (const char* name : {"old", "older", "mod", "modern", "kept", "gone"}) {
    write_file(at(name), "1");
  }
  watch(Name::User0, tree());
  init();
  for (const char* name : {"new", "newer", "other"}) write_file(at(name), "1");
  for (const char* name : {"old", "older", "gone"}) unlink(at(name).c_str());
  for (const char* name : {"mod", "modern", "kept"}) write_file(at(name), "22");
  check();
  EXPECT_EQ(message(at("other")), "POLICY ADDED");
  EXPECT_EQ(message(at("gone")), "POLICY MISSING");
  EXPECT_EQ(message(at("kept")).substr(0, 16), "POLICY [User0] C");
  // The end is not anchored.
  for (const char* name : {"new", "newer", "old", "older", "mod", "modern"}) {
    EXPECT_TRUE(is_silent_about(at(name))) << name;
  }
  // It was entered without a word: from now on it is known, and its end is told.
  ASSERT_EQ(unlink(at("new").c_str()), 0);
  check();
  EXPECT_EQ(message(at("new")), "POLICY MISSING");
}

TEST_F(ScanTest, AnIgnoredLogIsNotSearchedForWhereItMayHaveBeenRotatedTo) {
  settings_.rules.skip.ignore_modified = {at("log")};
  write_file(at("log"), "1");
  watch(Name::GrowingLogFiles, at("log"), false);
  init();
  write_file(at("other"), "2");
  ASSERT_EQ(rename(at("other").c_str(), at("log").c_str()), 0);
  check();
  EXPECT_TRUE(is_silent_about(at("log"))) << all_messages();
}

TEST_F(ScanTest, AConfiguredFileCanBeMissingInSilence) {
  settings_.rules.ignore_missing = {at("f$")};
  write_file(at("f"), "1");
  watch(Name::ReadOnly, at("f"), false);
  watch(Name::ReadOnly, at("g"), false);
  init();
  ASSERT_EQ(unlink(at("f").c_str()), 0);
  check();
  EXPECT_TRUE(is_silent_about(at("f"))) << all_messages();
  EXPECT_EQ(message(at("g")), "Check failed");
}

TEST_F(ScanTest, ShowsCheckFlagsInTheirPlace) {
  settings_.rules.shows_check_flags = true;
  write_file(at("a"), "1");
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("b"), "1");
  write_file(at("a"), "22");
  check();
  const Report& added = only(at("b"));
  ASSERT_GE(added.fields.size(), 4U);
  EXPECT_EQ(added.fields[2].key, "checkflags_new");
  EXPECT_EQ(added.fields[2].value, "032400007577");
  EXPECT_EQ(added.fields[3].key, "mode_new");
  EXPECT_EQ(only(at("a")).find("checkflags_new"), "");  // they did not change
  policy_ = policy::PolicyTree{};
  watch(Name::Attributes, tree());
  scanner_.reset();
  ASSERT_EQ(chmod(at("a").c_str(), 0600), 0);
  check();
  const Report& changed = only(at("a"));
  ASSERT_GE(changed.fields.size(), 4U);
  EXPECT_EQ(changed.fields[2].key, "checkflags_old");
  EXPECT_EQ(changed.fields[2].value, "032400007577");
  EXPECT_EQ(changed.fields[3].key, "checkflags_new");
  EXPECT_EQ(changed.fields[3].value, "032400005030");
}

TEST_F(ScanTest, TellsOfItsStepsOnlyIfAskedTo) {
  make_directory(at("d"));
  write_file(at("d/f"), "1");
  ASSERT_EQ(symlink("f", at("d/l").c_str()), 0);
  ASSERT_EQ(mkfifo(at("d/p").c_str(), 0600), 0);
  watch(Name::ReadOnly, tree());
  watch(Name::ReadOnly, at("d/f"), false);
  init();
  EXPECT_TRUE(reports_.empty()) << all_messages();
  settings_.tells_steps = true;
  init();
  std::string steps;
  for (const Report& report : reports_) {
    EXPECT_EQ(report.severity, Severity::Info);
    if (report.find("path") == at("d")) steps.append(report.message()).append("|");
  }
  EXPECT_EQ(steps, "Checking|d:   2, -:   1, l:   1, |:   1, s:   0, c:   0, b:   0|");
}

TEST_F(ScanTest, HasNoDoubtsAboutTheLinksOfThisFileSystem) {
  for (const char* name : {"d", "d/a", "d/b", "d/a/c"}) make_directory(at(name));
  watch(Name::IgnoreAll, tree());
  init();
  make_directory(at("d/e"));
  check();
  for (const Report& report : reports_) EXPECT_NE(report.event_class, EventClass::Err);
}

/// A device whose file system counts sub-directories; nothing: no such is mounted here.
std::optional<std::uint64_t> linking_device() {
  const auto text = sys::read_file("/proc/self/mountinfo", 16U << 20);
  if (!text) return std::nullopt;
  for (const auto& [device, links] : read_mounts(as_text(*text))) {
    if (links) return device;
  }
  return std::nullopt;
}

TEST_F(ScanTest, DoubtsALinkCountThatTheEntriesContradict) {
  const auto device = linking_device();
  if (!device) GTEST_SKIP() << "no file system here counts sub-directories";
  settings_.rules.hard_link_offsets = {{"/odd", 1}};
  Judge judge(clock_, settings_, [this](Report&& report) { reports_.push_back(report); });
  judge.begin(Mode::Check, std::chrono::seconds(1));
  EntryCounts counts;
  counts.directories = 3;
  EXPECT_FALSE(judge.doubts_links("/d", 5, *device, counts));
  EXPECT_TRUE(judge.doubts_links("/d", 6, *device, counts));
  EXPECT_TRUE(judge.doubts_links("/d", 4, *device, counts));
  EXPECT_FALSE(judge.doubts_links("/d", 1, *device, counts));  // does not count them
  EXPECT_FALSE(judge.doubts_links("/d", 6, ~*device, counts));
  EXPECT_FALSE(judge.doubts_links("/odd", 6, *device, counts));
  EXPECT_TRUE(judge.doubts_links("/odd", 7, *device, counts));
  EXPECT_FALSE(judge.doubts_links("/run/user/1000", 6, *device, counts));
  judge.tell_links("/d", 6, counts);
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].message(), "/d: subdirectory count (5) != hardlinks (6)");
  EXPECT_EQ(reports_[0].severity, Severity::Crit);
  counts.is_certain = false;
  EXPECT_FALSE(judge.doubts_links("/d", 6, *device, counts));
  settings_.rules.checks_hard_links = false;
  Judge off(clock_, settings_, [](Report&&) {});
  counts.is_certain = true;
  EXPECT_FALSE(off.doubts_links("/d", 6, *device, counts));
}

TEST(MountsTest, AreReadFromTheTable) {
  const auto mounts = read_mounts(
      "36 35 8:1 / / rw,noatime master:1 - ext4 /dev/sda1 rw\n"
      "37 35 0:40 / /o rw - overlay overlay rw\nbroken\n38 35 x:1 / /x rw - ext4 d rw\n"
      "39 35 0:41 / /t rw shared:1 - tmpfs tmpfs rw\n40 35 8:2 / /y rw -\n");
  EXPECT_EQ(mounts.size(), 3U);
  EXPECT_TRUE(mounts.at(makedev(8, 1)));
  EXPECT_FALSE(mounts.at(makedev(0, 40)));
  EXPECT_TRUE(mounts.at(makedev(0, 41)));
}

TEST(SideRulesTest, AreTakenOrRefusedLineByLine) {
  SideRules rules;
  const auto settings = side_rule_settings(rules);
  const config::Document document = config::parse(
      "[Misc]\nLooseDirCheck=yes\nUseHardlinkCheck=no\nHardlinkOffset=1:/a\nHardlinkOffset=-2: /b\n"
      "IgnoreAdded=/a\nIgnoreAdded=/b\nIgnoreMissing=/c$\nIgnoreModified=/d\n"
      "SkipChecksum=size_exceeds(10)\nFileType=0:0:2:A:B:C:n:xy\nReportCheckflags=yes\n"
      "FilenamesAreUTF8=yes\nAddOKChars=1\n"
      "HardlinkOffset=/a\nHardlinkOffset=1:a\nIgnoreAdded=a\nIgnoreMissing=/(\n"
      "SkipChecksum=size(1)\nFileType=0:0:3:A:B:C:n:xyz\nAddOKChars=x\n",
      {});
  const auto problems = config::apply(document, settings, {});
  ASSERT_EQ(problems.size(), 7U);
  for (std::size_t i = 0; i < problems.size(); ++i) {
    EXPECT_EQ(problems[i].line, 15U + i);
    EXPECT_FALSE(problems[i].remedy.empty()) << problems[i].reason;
  }
  EXPECT_EQ(problems[3].reason, "Unmatched ( or \\(");
  EXPECT_TRUE(rules.is_loose_on_directories && rules.shows_check_flags && rules.names.are_utf8);
  EXPECT_FALSE(rules.checks_hard_links);
  EXPECT_EQ(rules.hard_link_offsets.at("/b"), -2);
  EXPECT_EQ(rules.ignore_added.size(), 2U);
  EXPECT_EQ(rules.skip.conditions.size() + rules.skip.types.size(), 2U);
}

}  // namespace
}  // namespace samhain::scan::testing
