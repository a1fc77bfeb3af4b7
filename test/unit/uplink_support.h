#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sys/loop.h"

namespace samhain::uplink {

/// A directory of the test's own, gone with it.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = testing::TempDir() + "agent_XXXXXX";
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Runs `loop` until `holds`, at most ten seconds; whether it came to hold.
inline bool run_until(sys::Loop& loop, const std::function<bool()>& holds) {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::function<void()> look = [&] {
    if (holds() || std::chrono::steady_clock::now() > deadline) return loop.stop();
    loop.after(1ms, look);
  };
  look();
  if (!holds()) loop.run();
  return holds();
}

}  // namespace samhain::uplink
