#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spool/segment.h"
#include "spool/spool.h"

namespace samhain::spool {

inline std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    // Thousands of flushes: in memory where the system has such a place.
    std::string pattern = "/dev/shm/spool-test-XXXXXX";
    if (access("/dev/shm", W_OK) != 0) {
      pattern = (std::filesystem::temp_directory_path() / "spool-test-XXXXXX").string();
    }
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~SpoolTest() override {
    spool.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::string directory() const { return root_ + "/spool"; }
  void open(std::uint64_t limit_bytes = 1U << 20, std::uint64_t segment_bytes = 1U << 16) {
    spool.reset();
    auto opened = Spool::open({directory(), limit_bytes, segment_bytes});
    ASSERT_TRUE(opened) << opened.error().text();
    spool = std::move(*opened);
  }
  std::uint64_t append(const std::string& body, Severity severity = Severity::Crit) {
    const auto seq = spool->append(severity, as_bytes(body));
    EXPECT_TRUE(seq) << seq.error().text();
    return seq ? *seq : 0;
  }
  std::map<std::uint64_t, std::string> held(std::uint64_t from = 0) {
    std::map<std::uint64_t, std::string> all;
    const auto read = spool->read(from, [&](std::uint64_t seq, ByteView body) {
      all[seq] = as_text(body);
      return true;
    });
    EXPECT_TRUE(read) << read.error().text();
    return all;
  }
  std::vector<std::string> segments() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{directory()}) {
      const std::string name = entry.path().filename().string();
      if (parse_segment_name(name)) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string last_segment() const { return directory() + "/" + segments().back(); }

  std::unique_ptr<Spool> spool;

 private:
  std::string root_;
};

}  // namespace samhain::spool
