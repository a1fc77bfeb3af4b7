#include <gtest/gtest.h>

#include "baseline/baseline.h"
#include "unit/scratch.h"

namespace samhain::baseline {
namespace {

using testing::read_file;
using testing::Scratch;
using testing::write_file;

class BaselineKeyTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  std::string path_ = scratch_ / "samhain_file";
  std::string key_path_ = path_ + ".key";
  static std::string bytes_of(const crypto::SigningSeed& seed) {
    return std::string{as_text(seed.span())};
  }
};

TEST_F(BaselineKeyTest, IsMadeOnceAndReadAgain) {
  EXPECT_EQ(load_key(path_).error().kind, Error::Kind::Missing);
  const auto made = load_or_make_key(path_);
  ASSERT_TRUE(made) << made.error().text();
  struct stat facts {};
  ASSERT_EQ(stat(key_path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600U);
  EXPECT_EQ(facts.st_size, 32);
  EXPECT_EQ(bytes_of(*load_or_make_key(path_)), bytes_of(*made));
  EXPECT_EQ(bytes_of(*load_key(path_)), bytes_of(*made));
}

TEST_F(BaselineKeyTest, IsRefusedWhenOthersMayReadIt) {
  ASSERT_TRUE(load_or_make_key(path_));
  ASSERT_EQ(chmod(key_path_.c_str(), 0640), 0);
  EXPECT_EQ(load_key(path_).error().kind, Error::Kind::Refused);
  // Making a new one would only hide it.
  const std::string before = read_file(key_path_);
  EXPECT_EQ(load_or_make_key(path_).error().kind, Error::Kind::Refused);
  EXPECT_EQ(read_file(key_path_), before);
}

TEST_F(BaselineKeyTest, IsMalformedWithAnotherSize) {
  write_file(key_path_, std::string(31, 'k'));
  ASSERT_EQ(chmod(key_path_.c_str(), 0600), 0);
  EXPECT_EQ(load_key(path_).error().kind, Error::Kind::Malformed);
}

TEST_F(BaselineKeyTest, IsNotReadThroughASymlink) {
  ASSERT_TRUE(load_or_make_key(path_));
  ASSERT_EQ(rename(key_path_.c_str(), (scratch_ / "k").c_str()), 0);
  ASSERT_EQ(symlink((scratch_ / "k").c_str(), key_path_.c_str()), 0);
  EXPECT_FALSE(load_key(path_));
}

}  // namespace
}  // namespace samhain::baseline
