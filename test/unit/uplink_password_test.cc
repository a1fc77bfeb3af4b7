#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "uplink/password.h"
#include "uplink_support.h"

namespace samhain::uplink {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef0123456789abcdef";

class PasswordFileTest : public testing::Test {
 protected:
  void write(std::string_view content, mode_t mode) {
    std::ofstream{path} << content;
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }
  ScratchDirectory scratch;
  std::string path = scratch.path() + "/password";
};

TEST_F(PasswordFileTest, GivesThePassword) {
  write(std::string{kDigits} + "\n", 0600);
  const auto password = load_password(path);
  ASSERT_TRUE(password);
  EXPECT_EQ(password->text(), kDigits);
}

TEST_F(PasswordFileTest, IsRefusedWhenOthersMayReadIt) {
  for (const mode_t mode : {0640U, 0604U, 0660U}) {
    write(kDigits, mode);
    const auto password = load_password(path);
    ASSERT_FALSE(password);
    EXPECT_EQ(password.error().kind, Error::Kind::Refused);
  }
}

TEST_F(PasswordFileTest, IsRefusedAsASymlinkOrADirectory) {
  write(kDigits, 0600);
  const std::string link = scratch.path() + "/link";
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_FALSE(load_password(link));
  EXPECT_FALSE(load_password(scratch.path()));
  EXPECT_FALSE(load_password(scratch.path() + "/none"));
}

TEST_F(PasswordFileTest, IsRefusedWhenItHoldsNoPassword) {
  for (const std::string& content : {std::string{}, std::string{"xyz"}, std::string(65, 'a'),
                                     std::string(2000, 'a'), std::string{"f7c312aaaa12c3f7"}}) {
    write(content, 0600);
    EXPECT_FALSE(load_password(path)) << content;
  }
}

TEST(EmbeddedPasswordTest, AnUnsetOneIsMissingAndSaysHowToSetIt) {
  const auto password = take_embedded_password();
  ASSERT_FALSE(password);
  EXPECT_EQ(password.error().kind, Error::Kind::Missing);
  EXPECT_NE(password.error().what.find("samhain_setpwd"), std::string::npos);
}

}  // namespace
}  // namespace samhain::uplink
