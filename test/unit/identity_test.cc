#include "sys/identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace samhain::sys {
namespace {

TEST(Identity, IsTheFirstOfTheNamesThatExists) {
  const std::array<std::string_view, 3> names = {"no-such-user-here", "daemon", "nobody"};
  const auto identity = find_identity(names);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->name, "daemon");
  EXPECT_NE(identity->uid, 0U);
}

TEST(Identity, IsNeverRoot) {
  const std::array<std::string_view, 2> names = {"root", "no-such-user-here"};
  const auto identity = find_identity(names);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().kind, Error::Kind::Missing);
  EXPECT_NE(identity.error().what.find("root, no-such-user-here"), std::string::npos);
}

TEST(Identity, DropsRootForGood) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const pid_t child = fork();
  if (child == 0) {
    const auto dropped = drop_root(Identity{.name = "nobody", .uid = 65'534, .gid = 65'534});
    const bool is_gone = getuid() == 65'534 && getegid() == 65'534 && getgroups(0, nullptr) == 0 &&
                         setuid(0) != 0 && setgid(0) != 0;
    _exit(dropped && is_gone ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Identity, RefusesToDropRootIntoRoot) {
  const auto dropped = drop_root(Identity{.name = "root", .uid = 0, .gid = 0});
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().kind, Error::Kind::Refused);
}

TEST(Identity, AnOrdinaryUserCannotBecomeAnother) {
  if (geteuid() == 0) GTEST_SKIP() << "as an ordinary user only";
  const auto dropped = drop_root(Identity{.name = "x", .uid = getuid() + 1, .gid = getgid()});
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().kind, Error::Kind::System);
}

}  // namespace
}  // namespace samhain::sys
