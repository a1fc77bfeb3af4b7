#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "baseline/baseline.h"
#include "policy/policy.h"
#include "scan/scan.h"
#include "sys/loop.h"
#include "unit/scratch.h"

namespace samhain::scan::testing {

using samhain::testing::append_file;
using samhain::testing::make_directory;
using samhain::testing::read_file;
using samhain::testing::Scratch;
using samhain::testing::write_file;

/// Loop and measurers, started once: most tests of this program use the same.
struct Machinery {
  std::unique_ptr<sys::Loop> loop;
  std::unique_ptr<MeasurerPool> pool;
  std::vector<std::string> troubles;

  static Machinery& get() {
    static Machinery machinery;
    return machinery;
  }
  /// Runs the loop until a callback calls `loop->stop()`, at most 30 s.
  void run() {
    bool is_late = false;
    const auto limit = loop->after(std::chrono::seconds(30), [&] {
      is_late = true;
      loop->stop();
    });
    loop->run();
    loop->cancel(limit);
    ASSERT_FALSE(is_late) << "waited for 30 s";
  }

  explicit Machinery(std::chrono::seconds deadline = std::chrono::seconds(120)) {
    auto made = sys::Loop::create();
    if (!made) abort();
    loop = *std::move(made);
    MeasurerPool::Settings settings;
    settings.count = 2;
    settings.deadline = deadline;
    settings.on_trouble = [this](const Error& error) { troubles.push_back(error.text()); };
    auto started = MeasurerPool::start(*loop, settings, [](std::string_view) {});
    if (!started) abort();
    pool = *std::move(started);
  }
};

/// A tree of its own under tree(), watched as the test says; init() and check() as the agent does
/// them.
class ScanTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  Machinery* machinery_ = &Machinery::get();
  std::function<void(const Report&)> on_report_;  ///< called while a scan is running
  base::SystemClock clock_;
  policy::PolicyTree policy_;
  Settings settings_;
  crypto::SigningSeed key_ = crypto::make_signing_seed();
  std::vector<Report> reports_;
  Summary summary_;
  std::unique_ptr<Scanner> scanner_;
  std::unique_ptr<baseline::Reader> reader_;

  ScanTest() { make_directory(tree()); }

  std::string tree() const { return scratch_ / "tree"; }
  std::string at(const std::string& name) const { return tree() + "/" + name; }
  std::string baseline_path() const { return scratch_ / "baseline"; }

  void watch(policy::Name name, const std::string& path, bool is_directory = true, int depth = 9) {
    policy::Watch watch;
    watch.policy = name;
    watch.is_directory = is_directory;
    if (is_directory) watch.depth = depth;
    watch.path = path;
    ASSERT_TRUE(policy_.add(watch, 0));
  }

  std::unique_ptr<Scanner> make_scanner() {
    return std::make_unique<Scanner>(*machinery_->loop, *machinery_->pool, clock_, policy_,
                                     settings_, [this](Report&& report) {
                                       if (on_report_) on_report_(report);
                                       reports_.push_back(std::move(report));
                                     });
  }

  void init() {
    reports_.clear();
    reader_.reset();
    scanner_.reset();
    auto writer = baseline::Writer::create(baseline_path());
    ASSERT_TRUE(writer) << writer.error().text();
    const auto scanner = make_scanner();
    run(*scanner, [&](Scanner::OnDone done) { scanner->init(**writer, std::move(done)); });
    auto committed = (*writer)->commit(key_);
    ASSERT_TRUE(committed) << committed.error().text();
  }

  /// The reports of one check; the same scanner and its memory for all checks of a test.
  void check() {
    reports_.clear();
    if (!scanner_) scanner_ = make_scanner();
    if (!reader_) {
      auto reader = baseline::Reader::open(baseline_path(), key_);
      ASSERT_TRUE(reader) << reader.error().text();
      reader_ = *std::move(reader);
    }
    run(*scanner_, [&](Scanner::OnDone done) { scanner_->check(*reader_, std::move(done)); });
  }

  /// The only report about `path`, or one that fails the test.
  const Report& only(const std::string& path) const {
    static const Report kNone;
    const Report* found = nullptr;
    for (const Report& report : reports_) {
      if (report.find("path") != path) continue;
      EXPECT_EQ(found, nullptr) << "two reports about " << path;
      found = &report;
    }
    EXPECT_NE(found, nullptr) << "no report about " << path;
    return found != nullptr ? *found : kNone;
  }
  std::string_view message(const std::string& path) const { return only(path).message(); }
  bool is_silent_about(const std::string& path) const {
    for (const Report& report : reports_) {
      if (report.find("path") == path) return false;
    }
    return true;
  }
  std::string all_messages() const {
    std::string text;
    for (const Report& report : reports_) {
      text.append(report.message()).append(" ").append(report.find("path")).append("\n");
    }
    return text;
  }

  template <class Begin>
  void run(Scanner& scanner, Begin begin) {
    begin([&](Result<Summary> result) {
      machinery_->loop->stop();
      ASSERT_TRUE(result) << result.error().text();
      summary_ = *result;
    });
    EXPECT_TRUE(scanner.is_running());
    machinery_->run();
    EXPECT_FALSE(scanner.is_running());
  }
};

inline void set_times(const std::string& path, std::int64_t atime, std::int64_t mtime) {
  const timespec times[2] = {{atime, 0}, {mtime, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
}

}  // namespace samhain::scan::testing
