#include <signal.h>

#include <filesystem>
#include <set>

#include "unit/hung_file_system.h"
#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

/// Directories that hang or vanish while they are measured.
class ScanGoneTest : public ScanTest {
 protected:
  void SetUp() override {
    for (const char* name : {"mount", "mount/a", "mount/b", "mount/b/c"}) {
      make_directory(at(name));
      write_file(at(name) + "/file", "1");
    }
    watch(Name::ReadOnly, tree());
    init();
  }
};

TEST_F(ScanGoneTest, AsksADeadFileSystemForOneThingOnly) {
  Machinery impatient(std::chrono::seconds(1));
  machinery_ = &impatient;
  watch(Name::ReadOnly, at("mount/b/c"));
  const HungFileSystem hung(at("mount"));
  if (!hung.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
  check();
  // Once as one of many, and once alone, to know which it was.
  EXPECT_EQ(impatient.troubles.size(), 2U);
  EXPECT_FALSE(is_silent_about(at("mount")));
  EXPECT_FALSE(is_silent_about(at("mount/b/c"))) << "a configured path is spoken of in any case";
  EXPECT_TRUE(is_silent_about(at("mount/a/file"))) << "it may still be there";
  scanner_.reset();
}

TEST_F(ScanGoneTest, AsksADeadFileSystemForOneThingAlsoWhenItIsNotConfiguredAnyMore) {
  Machinery impatient(std::chrono::seconds(1));
  machinery_ = &impatient;
  policy_ = policy::PolicyTree();
  const HungFileSystem hung(at("mount"));
  if (!hung.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
  check();
  EXPECT_EQ(impatient.troubles.size(), 2U);
  EXPECT_FALSE(is_silent_about(at("mount")));
  EXPECT_EQ(reports_.size(), 1U) << all_messages();
  scanner_.reset();
}

/// One measurer stands still while the other tells of its part; then the directory goes.
TEST_F(ScanGoneTest, TellsOnceOfEachNameOfABigDirectoryThatVanishes) {
  make_directory(at("big"));
  const auto name = [this](std::size_t i) { return at("big/" + std::to_string(10'000 + i)); };
  const std::size_t count = kMaxNames + 100;
  for (std::size_t i = 0; i < count; ++i) write_file(name(i), "1");
  write_file(at("first"), "1");
  init();

  policy_ = policy::PolicyTree();
  const std::set<std::string> last_of_orders = {name(kMaxNames - 1), name(count - 1)};
  for (const std::string& path : last_of_orders) ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(unlink(at("first").c_str()), 0);
  const pid_t stopped = machinery_->pool->pids().front();
  bool is_told = false;
  on_report_ = [&](const Report& report) {
    if (report.find("path") == at("first")) {
      EXPECT_EQ(kill(stopped, SIGSTOP), 0);
    }
    if (is_told || !last_of_orders.contains(std::string{report.find("path")})) return;
    is_told = true;
    std::filesystem::remove_all(at("big"));
    EXPECT_EQ(kill(stopped, SIGCONT), 0);
  };
  check();
  on_report_ = {};
  // What the other one saw is told by the next check; the rest is gone now, each name told once.
  EXPECT_TRUE(reports_.size() == kMaxNames + 2 || reports_.size() == 100 + 2) << reports_.size();
  std::set<std::string> paths;
  for (const Report& report : reports_) paths.insert(std::string{report.find("path")});
  EXPECT_EQ(paths.size(), reports_.size()) << "something was told of twice";
}

}  // namespace
}  // namespace samhain::scan::testing
