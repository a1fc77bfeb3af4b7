#include "sys/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace samhain::sys {
namespace {

constexpr uid_t kNobody = 65534;

/// What can_lock_memory() says in a child without privileges that may lock `limit` bytes.
bool may_lock_within(rlim_t limit) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limits{limit, limit};
    const bool is_ready =
        setrlimit(RLIMIT_MEMLOCK, &limits) == 0 && (geteuid() != 0 || setuid(kNobody) == 0);
    _exit(is_ready ? static_cast<int>(can_lock_memory()) : 2);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2);
  return WEXITSTATUS(status) == 1;
}

TEST(Memory, CanBeLockedWithinTheLimit) { EXPECT_TRUE(may_lock_within(65'536)); }

#ifndef WITH_SANITIZERS  // their runtime answers mlock(2) itself: it does nothing and succeeds
TEST(Memory, CannotBeLockedBeyondIt) { EXPECT_FALSE(may_lock_within(0)); }
#endif

}  // namespace
}  // namespace samhain::sys
