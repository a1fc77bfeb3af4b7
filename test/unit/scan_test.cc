#include <signal.h>

#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

TEST_F(ScanTest, IsSilentAboutAnUnchangedTree) {
  make_directory(at("sub"));
  write_file(at("f"), "content");
  write_file(at("sub/g"), "content");
  ASSERT_EQ(symlink("f", at("l").c_str()), 0);
  watch(Name::ReadOnly, tree());
  init();
  EXPECT_EQ(all_messages(), "");
  EXPECT_EQ(summary_.files, 5U);  // the tree itself too
  EXPECT_EQ(summary_.directories, 2U);
  EXPECT_EQ(summary_.bytes, 14U);
  check();
  EXPECT_EQ(all_messages(), "");
  EXPECT_EQ(summary_.files, 5U);
  EXPECT_EQ(summary_.findings, 0U);
  EXPECT_EQ(summary_.errors, 0U);
}

TEST_F(ScanTest, MeasuresADirectoryOfTenThousandFiles) {
  constexpr int kFiles = 10'000;
  for (int i = 0; i < kFiles; ++i) write_file(at("f" + std::to_string(i)), std::to_string(i));
  watch(Name::ReadOnly, tree());
  init();
  EXPECT_EQ(summary_.files, kFiles + 1U);
  write_file(at("f7777"), "changed");
  ASSERT_EQ(unlink(at("f123").c_str()), 0);
  check();
  EXPECT_EQ(summary_.files, static_cast<unsigned>(kFiles));
  EXPECT_EQ(message(at("f7777")).substr(0, 19), "POLICY [ReadOnly] C");
  EXPECT_EQ(message(at("f123")), "POLICY MISSING");
  EXPECT_EQ(reports_.size(), 3U) << all_messages();  // and the directory
}

TEST_F(ScanTest, DealsOutBigFilesOneByOne) {
  for (int i = 0; i < 8; ++i) {
    write_file(at("f" + std::to_string(i)), std::to_string(i));
    ASSERT_EQ(truncate(at("f" + std::to_string(i)).c_str(), 20 << 20), 0);
  }
  watch(Name::ReadOnly, tree());
  init();
  EXPECT_EQ(summary_.files, 9U);
  EXPECT_EQ(summary_.bytes, 8ULL * (20 << 20));
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_F(ScanTest, WalksDeepTrees) {
  std::string path = tree();
  for (int i = 0; i < 200; ++i) {
    path += "/d";
    make_directory(path);
  }
  write_file(path + "/f", "1");
  watch(Name::ReadOnly, tree(), true, 99);
  init();
  EXPECT_EQ(summary_.directories, 100U);  // the depth that was asked for
}

TEST_F(ScanTest, ReportsAChangeOnceUnlessToldOtherwise) {
  write_file(at("f"), "1");
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("f"), "22");
  write_file(at("new"), "1");
  check();
  EXPECT_FALSE(is_silent_about(at("f")));
  EXPECT_FALSE(is_silent_about(at("new")));
  check();
  EXPECT_EQ(all_messages(), "");

  settings_.reports_once = false;
  scanner_.reset();
  for (int i = 0; i < 2; ++i) {
    check();
    EXPECT_FALSE(is_silent_about(at("f")));
    EXPECT_EQ(message(at("new")), "POLICY ADDED");
  }
}

TEST_F(ScanTest, ReportsAFileThatGoesBackAgain) {
  write_file(at("f"), "1");
  set_times(at("f"), 100, 100);
  watch(Name::Attributes, tree());
  init();
  ASSERT_EQ(chmod(at("f").c_str(), 0600), 0);
  check();
  EXPECT_EQ(message(at("f")), "POLICY [Attributes] -----M----");
  ASSERT_EQ(chmod(at("f").c_str(), 0644), 0);
  check();
  EXPECT_EQ(message(at("f")), "POLICY [Attributes] -----M----");
  EXPECT_EQ(only(at("f")).find("mode_old"), "-rw-------");
}

TEST_F(ScanTest, ForgetsWhatItReportedWithANewBaseline) {
  write_file(at("f"), "1");
  watch(Name::ReadOnly, tree());
  init();
  write_file(at("g"), "1");
  check();
  EXPECT_EQ(message(at("g")), "POLICY ADDED");
  auto keep = std::move(scanner_);
  init();
  scanner_ = std::move(keep);
  check();
  EXPECT_EQ(all_messages(), "");
  ASSERT_EQ(unlink(at("g").c_str()), 0);
  check();
  EXPECT_EQ(message(at("g")), "POLICY MISSING");
}

TEST_F(ScanTest, KnowsWhatTheScannerBeforeItReported) {
  write_file(at("f"), "1");
  make_directory(at("gone"));
  watch(Name::ReadOnly, tree());
  watch(Name::ReadOnly, at("gone"));
  init();
  write_file(at("f"), "22");
  ASSERT_EQ(rmdir(at("gone").c_str()), 0);
  check();
  EXPECT_FALSE(is_silent_about(at("f")));
  EXPECT_FALSE(is_silent_about(at("gone")));

  auto next = make_scanner();
  next->take_memory_of(*scanner_);
  scanner_ = std::move(next);
  check();
  EXPECT_TRUE(is_silent_about(at("f"))) << all_messages();
  make_directory(at("gone"));
  check();
  bool is_back = false;
  for (const Report& report : reports_) is_back |= report.find("path") == at("gone");
  EXPECT_TRUE(is_back) << all_messages();
  check();
  EXPECT_EQ(all_messages(), "");

  reader_.reset();
  scanner_ = make_scanner();  // one that knows of nothing
  check();
  EXPECT_FALSE(is_silent_about(at("f")));
}

TEST_F(ScanTest, TellsAnewWhatIsAbsentWithANewBaseline) {
  watch(Name::ReadOnly, at("none"));
  init();
  check();
  EXPECT_FALSE(is_silent_about(at("none")));
  make_directory(at("none"));
  auto keep = std::move(scanner_);
  init();
  scanner_ = std::move(keep);
  check();
  EXPECT_EQ(all_messages(), "");
}

TEST_F(ScanTest, StopsWhenTold) {
  for (int i = 0; i < 2'000; ++i) write_file(at("f" + std::to_string(i)), std::to_string(i));
  watch(Name::ReadOnly, tree());
  init();
  scanner_ = make_scanner();
  auto reader = baseline::Reader::open(baseline_path(), key_);
  ASSERT_TRUE(reader);
  bool has_failed = false;
  scanner_->check(**reader, [&](Result<Summary> result) {
    has_failed = !result;
    Machinery::get().loop->stop();
  });
  scanner_->stop();
  Machinery::get().run();
  EXPECT_TRUE(has_failed);
  EXPECT_FALSE(scanner_->is_running());
  // And the next one finds everything in order.
  check();
  EXPECT_EQ(all_messages(), "");
  EXPECT_EQ(summary_.files, 2'001U);
}

TEST_F(ScanTest, LosesNothingWhenMeasurersAreKilled) {
  constexpr int kFiles = 3'000;
  for (int i = 0; i < 30; ++i) {
    make_directory(at("d" + std::to_string(i)));
    for (int j = 0; j < kFiles / 30; ++j) {
      write_file(at("d" + std::to_string(i) + "/f" + std::to_string(j)), std::to_string(i * j));
    }
  }
  watch(Name::ReadOnly, tree());
  Machinery& machinery = Machinery::get();
  int kills = 4;
  std::function<void()> kill_one = [&] {
    const auto pids = machinery.pool->pids();
    if (!pids.empty()) kill(pids[static_cast<std::size_t>(kills) % pids.size()], SIGKILL);
    if (--kills > 0) machinery.loop->after(std::chrono::milliseconds(3), kill_one);
  };
  machinery.loop->after(std::chrono::milliseconds(1), kill_one);
  init();
  EXPECT_EQ(summary_.files, 3'031U);
  EXPECT_EQ(all_messages(), "");
  check();
  EXPECT_EQ(summary_.files, 3'031U);
  EXPECT_EQ(all_messages(), "");
}

}  // namespace
}  // namespace samhain::scan::testing
