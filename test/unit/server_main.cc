// The program of the server's tests is also the resolvers that one of them starts.

#include <gtest/gtest.h>

#include "sys/role.h"
#include "unit/fake_resolver.h"

int main(int argc, char** argv) {
  if (samhain::sys::role_asked_for(argc, argv)) return samhain::server::run_fake_resolver();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
