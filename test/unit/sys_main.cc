#include <gtest/gtest.h>

#include <string_view>

#include "sys/role.h"
#include "unit/sys_roles.h"

int main(int argc, char** argv) {
  if (const auto role = samhain::sys::role_asked_for(argc, argv)) {
    return samhain::sys::testing::run_role(*role);
  }
  if (argc == 4 && std::string_view{argv[1]} == "--test-daemon") {
    return samhain::sys::testing::run_daemon(argv[2], argv[3]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
