#include "config/known.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"

namespace samhain::config {
namespace {

std::set<std::pair<std::string, std::string>> names(std::span<const NotBuilt> table) {
  std::set<std::pair<std::string, std::string>> result;
  for (const NotBuilt& one : table) {
    const bool is_new = result.emplace(base::lower(one.section), base::lower(one.key)).second;
    EXPECT_TRUE(is_new) << one.section << " " << one.key << " stands twice";
  }
  return result;
}

TEST(KnownTest, AgentKnowsWhatTheOriginalHas) {
  const auto table = names(agent_not_built());
  EXPECT_FALSE(table.contains({"misc", "skipchecksum"}));
  EXPECT_FALSE(table.contains({"misc", "redefuser4"}));
  EXPECT_TRUE(table.contains({"misc", "usersrccheck"}));
  EXPECT_TRUE(table.contains({"log", "mailclass"}));
  EXPECT_TRUE(table.contains({"suidcheck", ""}));
  EXPECT_FALSE(table.contains({"misc", "setlooptime"}));
}

TEST(KnownTest, ServerKnowsWhatTheOriginalHas) {
  const auto table = names(server_not_built());
  EXPECT_FALSE(table.contains({"server", "setlogserver"}));
  EXPECT_TRUE(table.contains({"database", ""}));
  EXPECT_TRUE(table.contains({"misc", "setsocketpassword"}));
  EXPECT_FALSE(table.contains({"misc", "setserverport"}));
}

}  // namespace
}  // namespace samhain::config
