#include "scan/directory_chain.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "unit/scratch.h"

namespace samhain::scan {
namespace {

using samhain::testing::make_directory;
using samhain::testing::Scratch;
using samhain::testing::write_file;

class DirectoryChainTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  DirectoryChain chain_;
  std::size_t depth_ = 0;  // components of the scratch directory

  void SetUp() override {
    depth_ =
        static_cast<std::size_t>(std::count(scratch_.path().begin(), scratch_.path().end(), '/'));
    make_directory(scratch_ / "a");
    make_directory(scratch_ / "a/b");
    make_directory(scratch_ / "a/b/c");
    make_directory(scratch_ / "d");
    write_file(scratch_ / "a/b/c/inner", "1");
    write_file(scratch_ / "d/other", "1");
    ASSERT_EQ(symlink("a", (scratch_ / "link").c_str()), 0);
  }
  bool leads_to(const std::string& path, const std::string& name, std::size_t trusted_depth = 0) {
    auto fd = chain_.open(path, trusted_depth);
    return fd && faccessat(*fd, name.c_str(), F_OK, 0) == 0;
  }
};

TEST_F(DirectoryChainTest, OpensDownUpAndSidewards) {
  EXPECT_TRUE(leads_to(scratch_ / "a/b/c", "inner"));
  EXPECT_TRUE(leads_to(scratch_ / "a/b", "c"));
  EXPECT_TRUE(leads_to(scratch_ / "d", "other"));
  EXPECT_TRUE(leads_to(scratch_ / "a/b/c", "inner"));
  EXPECT_TRUE(leads_to("/", "tmp"));
  EXPECT_TRUE(leads_to(scratch_.path(), "d"));
  EXPECT_FALSE(leads_to(scratch_ / "d", "inner"));
}

TEST_F(DirectoryChainTest, GivesADescriptorThatCanBeRead) {
  ASSERT_TRUE(chain_.open(scratch_ / "a/b/c", 0));
  const auto fd = chain_.open(scratch_ / "a/b", 0);  // was only passed through
  ASSERT_TRUE(fd);
  EXPECT_EQ(fcntl(*fd, F_GETFL) & O_PATH, 0);
}

TEST_F(DirectoryChainTest, GoesThroughNoSymlinkBelowTheTrustedPart) {
  auto fd = chain_.open(scratch_ / "link/b", 0);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().sys_errno, ENOTDIR);
  fd = chain_.open(scratch_ / "link", 0);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().sys_errno, ENOTDIR);
  EXPECT_TRUE(leads_to(scratch_ / "link/b", "c", depth_ + 1));
  EXPECT_TRUE(leads_to(scratch_ / "link/b/c", "inner", depth_ + 1));
}

TEST_F(DirectoryChainTest, SaysWhatIsMissing) {
  auto fd = chain_.open(scratch_ / "a/none/c", 0);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().sys_errno, ENOENT);
  fd = chain_.open(scratch_ / "d/other", 0);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().sys_errno, ENOTDIR);
  // And a failure does not spoil the next.
  EXPECT_TRUE(leads_to(scratch_ / "a/b/c", "inner"));
}

TEST_F(DirectoryChainTest, SeesAReplacedDirectoryOnceItForgot) {
  ASSERT_TRUE(leads_to(scratch_ / "a/b/c", "inner"));
  ASSERT_EQ(rename((scratch_ / "a").c_str(), (scratch_ / "moved").c_str()), 0);
  chain_.clear();
  EXPECT_FALSE(chain_.open(scratch_ / "a/b/c", 0));
}

TEST_F(DirectoryChainTest, ManagesPathsWithHundredsOfComponents) {
  std::string path = scratch_.path();
  for (int i = 0; i < 400; ++i) {
    path += "/x";
    make_directory(path);
  }
  EXPECT_TRUE(chain_.open(path, 0));
  EXPECT_TRUE(chain_.open(path.substr(0, path.size() - 2), 0));
  EXPECT_TRUE(leads_to(scratch_ / "a/b/c", "inner"));
}

}  // namespace
}  // namespace samhain::scan
