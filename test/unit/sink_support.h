#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "report/catalog.h"
#include "sink/dispatcher.h"

namespace samhain::sink {

/// A directory of our own below TMPDIR that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sink-test-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class TestClock final : public base::Clock {
 public:
  std::int64_t now_ns() const override { return now; }
  std::chrono::steady_clock::time_point steady() const override { return steady_now; }
  std::int64_t now = 1'795'380'532'000'000'000;
  std::chrono::steady_clock::time_point steady_now{};
};

inline Report some_report(Severity severity = Severity::Crit, const std::string& path = "/x") {
  Report report = report::make(report::kPolicyMissing, 0, {{"path", path}});
  report.severity = severity;
  return report;
}

}  // namespace samhain::sink
