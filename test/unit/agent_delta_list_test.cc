#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/delta_list.h"
#include "uplink_support.h"
#include "wire/files.h"

namespace samhain::agent {
namespace {

TEST(DeltaListTest, OnePathALineAndCommentsBetween) {
  const auto paths = parse_path_list("# new kernel\n/boot/a b\n\n/etc/x/\r\n/\n");
  ASSERT_TRUE(paths) << paths.error().text();
  EXPECT_EQ(*paths, (std::vector<std::string>{"/boot/a b", "/etc/x", "/"}));
}

TEST(DeltaListTest, WhatIsNoPathIsNamedByItsLine) {
  for (const std::string_view text :
       {"/a\nb\n", "/a\n+/b\n", "/a\n/../b\n", "/a\n/b/./c\n", "/a\n \n"}) {
    const auto paths = parse_path_list(text);
    ASSERT_FALSE(paths) << text;
    EXPECT_NE(paths.error().text().find("line 2: "), std::string::npos) << paths.error().text();
  }
  EXPECT_FALSE(parse_path_list("# nothing\n"));
  EXPECT_FALSE(parse_path_list(std::string_view{"/a\0b\n", 5}));
}

class DeltaSettingsTest : public testing::Test {
 protected:
  DeltaSettingsTest() {
    options.delta_list = scratch.path() + "/list";
    settings.host_name = "host";
    settings.exported.severities = SeveritySet::from(Severity::Debug);
  }
  void list(const std::string& text) const { std::ofstream(options.delta_list) << text; }

  uplink::ScratchDirectory scratch;
  Options options;
  Settings settings;
};

TEST_F(DeltaSettingsTest, WhatIsThereIsMeasuredAndTheRestIsAbsent) {
  const std::string here = scratch.path() + "/a*[b]";
  std::ofstream{here} << "x";
  list(here + "\n" + scratch.path() + "/none\n" + here + "/below\n");
  ASSERT_TRUE(settings_for_delta(options, settings));
  ASSERT_EQ(settings.watches.size(), 1U);
  const auto found = policy::expand(settings.watches[0].path);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, std::vector{here}) << "a name, no pattern";
  EXPECT_EQ(settings.absent_paths, (std::vector{scratch.path() + "/none", here + "/below"}));
  EXPECT_EQ(settings.action, Action::Init);
  EXPECT_FALSE(settings.exports());
}

TEST_F(DeltaSettingsTest, ItsNameIsThatUnderWhichTheServerLooksForIt) {
  list("/etc\n");
  ASSERT_TRUE(settings_for_delta(options, settings));
  const std::string_view prefix = "./file.host.";
  ASSERT_TRUE(settings.baseline_path.starts_with(prefix)) << settings.baseline_path;
  EXPECT_TRUE(wire::is_uuid(settings.baseline_path.substr(prefix.size())));
  options.outfile = "/tmp/out";
  ASSERT_TRUE(settings_for_delta(options, settings));
  EXPECT_EQ(settings.baseline_path, "/tmp/out");
}

TEST_F(DeltaSettingsTest, AListThatCannotBeReadIsSaid) {
  const auto failed = settings_for_delta(options, settings);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text().find("Cannot open file for read"), std::string::npos);
}

}  // namespace
}  // namespace samhain::agent
