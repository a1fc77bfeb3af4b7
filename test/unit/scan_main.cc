#include <gtest/gtest.h>

#include "scan/measurer_pool.h"
#include "sys/role.h"

int main(int argc, char** argv) {
  if (samhain::sys::role_asked_for(argc, argv)) return samhain::scan::run_measurer();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
