#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

/// GrowingLogFiles, once with the directory watched and once with the file alone.
class ScanLogsTest : public ScanTest, public ::testing::WithParamInterface<bool> {
 protected:
  std::string log_ = at("log");
  void SetUp() override {
    write_file(log_, "line one\n");
    if (GetParam()) {
      watch(Name::GrowingLogFiles, tree());
    } else {
      watch(Name::GrowingLogFiles, log_, false);
    }
    init();
  }
};
INSTANTIATE_TEST_SUITE_P(Watched, ScanLogsTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "ByDirectory" : "ByFile"; });

TEST_P(ScanLogsTest, GrowsInSilence) {
  append_file(log_, "line two\n");
  check();
  EXPECT_TRUE(is_silent_about(log_));
}

TEST_P(ScanLogsTest, IsReportedWhenItsBeginningChanges) {
  write_file(log_, "LINE one\nline two\n");
  check();
  EXPECT_EQ(message(log_), "POLICY [GrowingLogs] C---------");
  check();
  EXPECT_EQ(all_messages(), "");
  append_file(log_, "line three\n");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_P(ScanLogsTest, IsReportedWhenItWasCut) {
  write_file(log_, "lin");
  check();
  EXPECT_EQ(message(log_), "POLICY [GrowingLogs] C--------S");
  EXPECT_EQ(only(log_).find("size_old"), "9");
  EXPECT_EQ(only(log_).find("size_new"), "3");
  append_file(log_, "e one again\n");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_P(ScanLogsTest, IsComparedWithItsLastSizeNotThatOfTheBaseline) {
  append_file(log_, "line two\n");
  check();
  EXPECT_EQ(all_messages(), "");
  ASSERT_EQ(truncate(log_.c_str(), 12), 0);  // longer than the baseline's, shorter than the last
  check();
  EXPECT_EQ(message(log_), "POLICY [GrowingLogs] C--------S");
  EXPECT_EQ(only(log_).find("size_old"), "18");
}

TEST_P(ScanLogsTest, MayBeRotatedWithinItsDirectory) {
  append_file(log_, "line two\n");
  ASSERT_EQ(rename(log_.c_str(), at("log.1").c_str()), 0);
  write_file(log_, "new\n");
  check();
  EXPECT_TRUE(is_silent_about(log_)) << all_messages();
  EXPECT_EQ(is_silent_about(at("log.1")), !GetParam());
  append_file(log_, "more\n");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_P(ScanLogsTest, IsReportedWhenItsModeChangesWithTheRotation) {
  ASSERT_EQ(rename(log_.c_str(), at("log.1").c_str()), 0);
  write_file(log_, "new\n");
  ASSERT_EQ(chmod(log_.c_str(), 0666), 0);
  check();
  EXPECT_EQ(message(log_), "POLICY [GrowingLogs] -----M----");
  append_file(log_, "more\n");
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_P(ScanLogsTest, IsReportedWhenTheOldOneLeftTheDirectory) {
  ASSERT_EQ(rename(log_.c_str(), (scratch_ / "elsewhere").c_str()), 0);
  write_file(log_, "new\n");
  check();
  EXPECT_EQ(message(log_), "POLICY [GrowingLogs] C--I-----S");
}

TEST_P(ScanLogsTest, IsReportedWhenTheRenamedOneIsNotTheOldOne) {
  write_file(log_, "LINE one\n");
  ASSERT_EQ(rename(log_.c_str(), at("log.1").c_str()), 0);
  write_file(log_, "new\n");
  check();
  EXPECT_EQ(message(log_), "POLICY [GrowingLogs] C--I-----S");
}

TEST_P(ScanLogsTest, IsAddedAndMissedAsAnyFile) {
  ASSERT_EQ(unlink(log_.c_str()), 0);
  write_file(at("log2"), "1");
  check();
  bool is_missing = false;
  for (const Report& report : reports_) is_missing |= report.message() == "POLICY MISSING";
  EXPECT_TRUE(is_missing) << all_messages();
  if (GetParam()) {
    EXPECT_EQ(message(at("log2")), "POLICY ADDED");
    EXPECT_NE(only(at("log2")).find("chksum_new"), std::string(64, '0'));
  }
}

}  // namespace
}  // namespace samhain::scan::testing
