// The program of the agent's tests is also the courier that one of them starts.

#include <gtest/gtest.h>

#include "sys/role.h"
#include "uplink/courier.h"
#include "uplink/password.h"

int main(int argc, char** argv) {
  if (const auto role = samhain::sys::role_asked_for(argc, argv)) {
    samhain::uplink::wipe_embedded_password();
    return *role == "courier" ? samhain::uplink::run_courier() : 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
