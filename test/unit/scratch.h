#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace samhain::testing {

/// A directory of its own for one test, removed with everything in it.
class Scratch {
 public:
  Scratch() {
    const char* top = getenv("TMPDIR");
    std::string form = std::string(top != nullptr ? top : "/tmp") + "/samhain-test-XXXXXX";
    const char* made = mkdtemp(form.data());
    EXPECT_NE(made, nullptr);
    // Without symlinks: a walk does not follow any.
    path_ = std::filesystem::canonical(form).string();
    EXPECT_EQ(chmod(path_.c_str(), 0755), 0);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.flush();
  ASSERT_TRUE(file.good()) << path;
}

inline void append_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << content;
  file.flush();
  ASSERT_TRUE(file.good()) << path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

inline void make_directory(const std::string& path) {
  ASSERT_EQ(mkdir(path.c_str(), 0755), 0) << path;
}

}  // namespace samhain::testing
