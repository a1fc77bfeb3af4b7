#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/findings.h"
#include "agent/history.h"
#include "agent/json.h"
#include "report/catalog.h"
#include "scratch.h"

namespace samhain::agent {
namespace {

using samhain::testing::Scratch;
using samhain::testing::write_file;

Report added(const std::string& path, std::int64_t time = 5) {
  return report::make(report::kPolicyAdded, time, {{"path", path}});
}

TEST(FindingsTest, NumbersEachPathOnce) {
  Findings findings;
  findings.note(added("/a"));
  findings.note(added("/b"));
  findings.note(report::make(report::kPolicyMissing, 9, {{"path", "/a"}}));
  findings.note(report::make(report::kCheckStarting, 9));
  findings.note(report::make(report::kCheckFailed, 9, {{"path", "/c"}}));
  ASSERT_EQ(findings.all.size(), 2U);
  EXPECT_EQ(findings.all[0].number, 1U);
  EXPECT_EQ(findings.all[0].change, "MISSING");
  EXPECT_EQ(findings.all[0].time_ns, 9);
  ASSERT_NE(findings.find(2), nullptr);
  EXPECT_EQ(findings.find(2)->path, "/b");
  EXPECT_EQ(findings.find(3), nullptr);
}

TEST(FindingsTest, ANumberIsNotGivenAgain) {
  const Scratch scratch;
  Findings findings;
  findings.note(added("/a"));
  findings.all.clear();
  ASSERT_TRUE(save_findings(scratch / "findings", findings));
  const auto back = load_findings(scratch / "findings");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->next_number, 2U);
}

TEST(FindingsTest, KeepsSoManyAndCountsTheRest) {
  Findings findings;
  for (std::size_t i = 0; i < kMaxFindings + 7; ++i) findings.note(added(std::to_string(i)));
  EXPECT_EQ(findings.all.size(), kMaxFindings);
  EXPECT_EQ(findings.left_out, 7U);
}

TEST(FindingsTest, ComeBackFromTheirFileWhichOnlyItsOwnerReads) {
  const Scratch scratch;
  const std::string file = scratch / "findings";
  Findings findings;
  findings.baseline_digest = "abc";
  findings.left_out = 3;
  const std::string ugly = "/a\nb\xff";
  findings.note(added(ugly, 7));
  ASSERT_TRUE(save_findings(file, findings));
  struct stat facts {};
  ASSERT_EQ(stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  const auto back = load_findings(file);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->baseline_digest, "abc");
  EXPECT_EQ(back->left_out, 3U);
  ASSERT_EQ(back->all.size(), 1U);
  EXPECT_EQ(back->all[0].path, ugly);
  EXPECT_EQ(back->all[0].change, "ADDED");
  EXPECT_EQ(back->all[0].severity, Severity::Crit);
  EXPECT_EQ(back->all[0].seen, findings.all[0].seen);
}

TEST(FindingsTest, WhatChangedOnceMoreIsNotWhatWasSeen) {
  const auto changed = [](const std::string& size, const std::string& digest) {
    return report::make_filled(
        report::kPolicyChanged, {"[ReadOnly]", "C-------TS"}, 1,
        {{"path", "/a"}, {"size_old", "1"}, {"size_new", size}, {"chksum_new", digest}});
  };
  const auto with_mode = [&changed] {
    Report report = changed("2", "aa");
    report.fields.push_back({"mode_new", "-rwsr-xr-x"});
    return report;
  };
  Findings findings;
  findings.note(changed("2", "aa"));
  const Finding& finding = findings.all[0];
  ASSERT_EQ(finding.seen.size(), 2U);
  EXPECT_TRUE(is_as_seen(finding, changed("2", "aa")));
  Report restored = changed("2", "aa");
  restored.fields.pop_back();
  EXPECT_TRUE(is_as_seen(finding, restored)) << "its content is the baseline's again";
  EXPECT_FALSE(is_as_seen(finding, with_mode())) << "nobody has seen this mode";
  EXPECT_FALSE(is_as_seen(finding, changed("2", "bb")));
  EXPECT_FALSE(is_as_seen(finding, changed("3", "aa")));
  EXPECT_FALSE(is_as_seen(finding, report::make(report::kPolicyMissing, 2, {{"path", "/a"}})));
  EXPECT_FALSE(is_as_seen(finding, added("/a")));
}

TEST(FindingsTest, ABrokenFileIsRefused) {
  const Scratch scratch;
  const std::string file = scratch / "findings";
  EXPECT_EQ(load_findings(file).error().kind, Error::Kind::Missing);
  Findings findings;
  findings.note(added("/a"));
  ASSERT_TRUE(save_findings(file, findings));
  const std::string whole = samhain::testing::read_file(file);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(file, whole.substr(0, size));
    const auto loaded = load_findings(file);
    // Cut between two of them it only has fewer.
    EXPECT_TRUE(!loaded || loaded->all.empty()) << size;
  }
  write_file(file, "something else");
  EXPECT_EQ(load_findings(file).error().kind, Error::Kind::Malformed);
}

TEST(FindingsTest, LinesAndObjects) {
  const Finding finding{.number = 3,
                        .time_ns = 1'000'000'000,
                        .severity = Severity::Crit,
                        .change = "C-------TS",
                        .path = "/a b"};
  EXPECT_EQ(finding_line(finding), "    3 1970-01-01T00:00:01 crit  C-------TS /a\\ b");
  EXPECT_EQ(finding_json(finding),
            R"({"number":3,"time":1,"severity":"crit","change":"C-------TS","path":"/a b"})");
  const baseline::Approval approval{
      .time = 1, .who = "jo", .reason = "say \"no\"", .path = "/\xff", .change = "ADDED"};
  EXPECT_EQ(history_json(approval), R"({"time":1,"change":"ADDED","path_base64":"L/8=","who":"jo",)"
                                    R"("reason":"say \"no\""})");
  EXPECT_EQ(JsonObject{}.text("a", "\xff\xfe").text("b", "\xff\xfe\xfd").text("c", "\n").take(),
            R"({"a_base64":"//4=","b_base64":"//79","c":"\u000a"})");
  EXPECT_TRUE(history_line(approval).starts_with("1970-01-01T00:00:01 ADDED /"));
  EXPECT_EQ(history_line(approval).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace samhain::agent
