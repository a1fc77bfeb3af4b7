#include <gtest/gtest.h>

#include "sys/role.h"
#include "unit/sys_roles.h"

int main(int argc, char** argv) {
  if (const auto role = samhain::sys::role_asked_for(argc, argv)) {
    return samhain::sys::testing::run_role(*role);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
