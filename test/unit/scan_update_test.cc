#include <unistd.h>

#include <algorithm>
#include <set>

#include "scan/acceptance.h"
#include "unit/hung_file_system.h"
#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using Choice = Acceptance::Choice;
using policy::Name;

class ScanUpdateTest : public ScanTest {
 protected:
  std::vector<std::string> accepted_;
  std::vector<std::string> unknown_;

  void SetUp() override {
    for (const char* name : {"changed", "gone", "same"}) write_file(at(name), "old");
    watch(Name::ReadOnly, tree());
  }

  void change_all() {
    write_file(at("changed"), "newer");
    write_file(at("added"), "x");
    ASSERT_EQ(unlink(at("gone").c_str()), 0);
  }

  Acceptance::How of_everything() {
    Acceptance::How how;
    how.choose = [](std::string_view) { return Choice::Accept; };
    how.renews_unchanged = true;
    const auto plan = plan_digests(old_digests_, settings_.digests);
    EXPECT_TRUE(plan);
    how.digests = plan.value_or(DigestPlan{});
    return how;
  }
  Acceptance::How of(std::set<std::string, std::less<>> paths) {
    Acceptance::How how;
    how.choose = [paths = std::move(paths)](std::string_view path) {
      return paths.contains(path) ? Choice::Accept : Choice::Keep;
    };
    how.digests = keep_digests(old_digests_);
    return how;
  }

  /// `paths`: only these are measured.
  void update(Acceptance::How how, const std::vector<std::string>* paths = nullptr,
              const std::function<void(Acceptance&)>& then = {}) {
    reports_.clear();
    unknown_.clear();
    auto old = baseline::Reader::open(baseline_path(), key_);
    ASSERT_TRUE(old) << old.error().text();
    auto writer = baseline::Writer::create(baseline_path(), how.digests.written);
    ASSERT_TRUE(writer) << writer.error().text();
    Acceptance acceptance(**writer, std::move(how));
    const auto scanner = make_scanner();
    const Update what{**old, **writer, acceptance};
    run(*scanner, [&](Scanner::OnDone done) {
      if (paths == nullptr) return scanner->update(what, std::move(done));
      scanner->update_some(
          what, *paths, [&](const std::string& path) { unknown_.push_back(path); },
          std::move(done));
    });
    if (then) then(acceptance);
    ASSERT_TRUE(acceptance.status());
    auto committed = (*writer)->commit(key_);
    ASSERT_TRUE(committed) << committed.error().text();
    accepted_.clear();
    for (const AcceptedChange& one : acceptance.accepted()) {
      accepted_.push_back(one.change + " " + one.path);
    }
    std::ranges::sort(accepted_);
    old_digests_ = {};
    reader_.reset();
    scanner_.reset();
  }

  void expect_silence() {
    check();
    EXPECT_EQ(all_messages(), "");
  }

  std::size_t baseline_size() const {
    const auto reader = baseline::Reader::open(baseline_path(), key_);
    return reader ? (*reader)->size() : 0;
  }
  std::optional<baseline::Entry> entry(const std::string& name) const {
    const auto reader = baseline::Reader::open(baseline_path(), key_);
    if (!reader) return std::nullopt;
    auto found = (*reader)->find(tree(), name);
    return found ? *found : std::nullopt;
  }

  baseline::Digests old_digests_;
};

TEST_F(ScanUpdateTest, TellsAndAcceptsWhatChangedWhatCameAndWhatWent) {
  init();
  change_all();
  update(of_everything());
  EXPECT_EQ(message(at("changed")), "POLICY [ReadOnly] C-------TS");
  EXPECT_EQ(message(at("added")), "POLICY ADDED");
  EXPECT_EQ(message(at("gone")), "POLICY MISSING");
  EXPECT_TRUE(std::ranges::count(accepted_, "ADDED " + at("added")) == 1);
  EXPECT_TRUE(std::ranges::count(accepted_, "MISSING " + at("gone")) == 1);
  EXPECT_TRUE(std::ranges::count(accepted_, "C-------TS " + at("changed")) == 1);
  expect_silence();
  EXPECT_FALSE(entry("gone"));
}

TEST_F(ScanUpdateTest, OfSomePathsKeepsTheOthersAndStillTellsThem) {
  init();
  change_all();
  update(of({at("changed"), tree()}));
  EXPECT_EQ(message(at("added")), "POLICY ADDED");
  EXPECT_EQ(message(at("gone")), "POLICY MISSING");
  check();
  EXPECT_TRUE(is_silent_about(at("changed"))) << all_messages();
  EXPECT_EQ(message(at("added")), "POLICY ADDED");
  EXPECT_EQ(message(at("gone")), "POLICY MISSING");
}

TEST_F(ScanUpdateTest, EachOfTheThreeAlone) {
  for (const char* one : {"changed", "added", "gone"}) {
    init();
    write_file(at("changed"), "newer");
    write_file(at("added"), "x");
    (void)unlink(at("gone").c_str());
    update(of({at(one), tree()}));
    check();
    EXPECT_TRUE(is_silent_about(at(one))) << one << all_messages();
    EXPECT_EQ(reports_.size(), 2U) << one << all_messages();
    // As it was.
    for (const char* name : {"changed", "gone"}) write_file(at(name), "old");
    ASSERT_EQ(unlink(at("added").c_str()), 0);
  }
}

TEST_F(ScanUpdateTest, QuestionsAreAnsweredAfterTheWalk) {
  init();
  change_all();
  Acceptance::How how;
  how.choose = [](std::string_view) { return Choice::Ask; };
  how.digests = keep_digests({});
  update(std::move(how), nullptr, [&](Acceptance& acceptance) {
    EXPECT_EQ(acceptance.questions().size(), 4U);  // and the directory itself
    for (const Acceptance::Question& question : acceptance.questions()) {
      acceptance.answer(question, question.change.path == at("gone"));
    }
  });
  EXPECT_EQ(accepted_, std::vector<std::string>{"MISSING " + at("gone")});
  check();
  EXPECT_TRUE(is_silent_about(at("gone")));
  EXPECT_EQ(message(at("changed")), "POLICY [ReadOnly] C-------TS");
  EXPECT_EQ(message(at("added")), "POLICY ADDED");
}

TEST_F(ScanUpdateTest, WhatIsNotWatchedAnyMoreIsKept) {
  make_directory(at("below"));
  write_file(at("below/file"), "x");
  init();
  const std::size_t before = baseline_size();
  policy_ = policy::PolicyTree{};
  watch(Name::ReadOnly, at("changed"), false);
  write_file(at("changed"), "newer");
  update(of_everything());
  EXPECT_EQ(accepted_, std::vector<std::string>{"C-------TS " + at("changed")});
  EXPECT_EQ(baseline_size(), before);
  EXPECT_EQ(entry("changed")->facts.size, 5U);
}

TEST_F(ScanUpdateTest, WhatIsNotWatchedAnyMoreAndGoneGoes) {
  init();
  policy_ = policy::PolicyTree{};
  watch(Name::ReadOnly, at("changed"), false);
  ASSERT_EQ(unlink(at("gone").c_str()), 0);
  update(of_everything());
  EXPECT_EQ(accepted_, std::vector<std::string>{"MISSING " + at("gone")});
  EXPECT_FALSE(entry("gone"));
  EXPECT_TRUE(entry("same"));
}

TEST_F(ScanUpdateTest, AConfiguredFileThatIsGoneGoes) {
  policy_ = policy::PolicyTree{};
  watch(Name::ReadOnly, at("gone"), false);
  watch(Name::ReadOnly, at("same"), false);
  init();
  ASSERT_EQ(unlink(at("gone").c_str()), 0);
  update(of_everything());
  EXPECT_EQ(accepted_, std::vector<std::string>{"MISSING " + at("gone")});
  EXPECT_FALSE(entry("gone"));
  EXPECT_TRUE(entry("same"));
}

TEST_F(ScanUpdateTest, WhatADeadFileSystemKeepsToItselfIsKept) {
  make_directory(at("mount"));
  make_directory(at("mount/below"));
  for (const char* name : {"mount/file", "mount/below/file"}) write_file(at(name), "x");
  policy_ = policy::PolicyTree{};
  watch(Name::ReadOnly, tree());
  watch(Name::ReadOnly, at("mount/below/file"), false);
  init();
  const std::size_t before = baseline_size();
  for (const bool is_watched : {true, false}) {
    if (!is_watched) policy_ = policy::PolicyTree{};
    Machinery impatient(std::chrono::seconds(1));
    machinery_ = &impatient;
    const HungFileSystem hung(at("mount"));
    if (!hung.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
    update(of_everything());
    EXPECT_TRUE(accepted_.empty()) << accepted_[0];
    EXPECT_EQ(baseline_size(), before) << is_watched;
  }
  machinery_ = &Machinery::get();
}

TEST_F(ScanUpdateTest, TakesWhatThePolicyDidNotWatchFromANewOne) {
  policy_ = policy::PolicyTree{};
  watch(Name::Attributes, tree());
  init();
  EXPECT_FALSE(entry("same")->facts.digest);
  policy_ = policy::PolicyTree{};
  watch(Name::ReadOnly, tree());
  update(of_everything());
  EXPECT_TRUE(entry("same")->facts.digest);
  expect_silence();
}

TEST_F(ScanUpdateTest, ComparesByTheOldDigestAndWritesTheNew) {
  init();
  write_file(at("changed"), "new");
  old_digests_ = {};
  settings_.digests = {.first = DigestKind::Sha512, .second = DigestKind::None};
  update(of_everything());
  // Only what did change, by the old digest, is told.
  EXPECT_EQ(message(at("changed")).substr(0, 19), "POLICY [ReadOnly] C");
  EXPECT_TRUE(is_silent_about(at("same"))) << all_messages();
  EXPECT_EQ(entry("same")->facts.digest.kind, DigestKind::Sha512);
  expect_silence();
  write_file(at("same"), "odl");
  check();
  EXPECT_EQ(message(at("same")).substr(0, 19), "POLICY [ReadOnly] C");
}

TEST_F(ScanUpdateTest, ASecondDigestComesAndIsNoChange) {
  init();
  settings_.digests = {.first = DigestKind::Blake2b, .second = DigestKind::Sha256};
  update(of_everything());
  EXPECT_EQ(all_messages(), "");
  EXPECT_EQ(entry("same")->facts.digest.kind, DigestKind::Blake2b);
  EXPECT_EQ(entry("same")->facts.second_digest.kind, DigestKind::Sha256);
  expect_silence();
}

TEST(DigestPlanTest, ThreeKindsAreTooMany) {
  const baseline::Digests old{};
  EXPECT_FALSE(plan_digests(old, {.first = DigestKind::Sha512, .second = DigestKind::Blake2b}));
  EXPECT_TRUE(plan_digests(old, {.first = DigestKind::Sha512, .second = DigestKind::Sha256}));
  // Nothing can be compared with TIGER.
  const baseline::Digests imported{.first = DigestKind::Tiger192, .second = DigestKind::None};
  const auto plan =
      plan_digests(imported, {.first = DigestKind::Sha512, .second = DigestKind::Blake2b});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->measured, plan->written);
  EXPECT_EQ(keep_digests(imported).measured.first, DigestKind::Sha256);
}

TEST_F(ScanUpdateTest, OnlyTheNamedPathsAreMeasured) {
  init();
  change_all();
  const std::vector<std::string> paths = {at("changed"), at("added"), at("gone"), at("nothing"),
                                          "/nowhere/at/all"};
  const std::set<std::string, std::less<>> wanted(paths.begin(), paths.end());
  update(of(wanted), &paths);
  EXPECT_EQ(summary_.files, 2U);
  EXPECT_EQ(accepted_,
            (std::vector<std::string>{"ADDED " + at("added"), "C-------TS " + at("changed"),
                                      "MISSING " + at("gone")}));
  std::ranges::sort(unknown_);
  EXPECT_EQ(unknown_, (std::vector<std::string>{"/nowhere/at/all", at("nothing")}));
  check();
  EXPECT_EQ(reports_.size(), 1U) << all_messages();  // the directory itself
  EXPECT_EQ(message(tree()), "POLICY [ReadOnly] --------T-");
}

TEST_F(ScanUpdateTest, ANamedPathThatDidNotChangeIsNotAccepted) {
  init();
  const std::vector<std::string> paths = {at("same")};
  update(of({at("same")}), &paths);
  EXPECT_TRUE(accepted_.empty());
  EXPECT_EQ(baseline_size(), 4U);
}

TEST_F(ScanUpdateTest, NamedPathsThatAreTooMuchForOneOrderAreMeasuredWhole) {
  // A measurer that has read 16 MiB leaves the rest of its order to others.
  std::vector<std::string> paths;
  for (const char* name : {"a1", "a2", "a3", "same"}) {
    if (name[0] == 'a') {
      write_file(at(name), "x");
      ASSERT_EQ(truncate(at(name).c_str(), 17 << 20), 0);
    }
    paths.push_back(at(name));
  }
  ASSERT_EQ(symlink("same", at("link").c_str()), 0);
  paths.push_back(at("link"));
  init();
  update(of(std::set<std::string, std::less<>>(paths.begin(), paths.end())), &paths);
  EXPECT_EQ(summary_.files, 5U);
  EXPECT_TRUE(accepted_.empty()) << accepted_[0];
  expect_silence();
}

TEST_F(ScanUpdateTest, AGrowingLogIsRenewed) {
  policy_ = policy::PolicyTree{};
  watch(Name::GrowingLogFiles, at("same"), false);
  init();
  append_file(at("same"), " and more");
  update(of_everything());
  EXPECT_TRUE(accepted_.empty()) << accepted_[0];
  EXPECT_EQ(entry("same")->facts.size, 12U);
  expect_silence();
  write_file(at("same"), "old and morX");
  check();
  EXPECT_EQ(message(at("same")).substr(0, 22), "POLICY [GrowingLogs] C");
}

TEST_F(ScanUpdateTest, WhatCannotBeReadKeepsItsOldDigest) {
  init();
  const auto before = entry("same");
  auto writer = baseline::Writer::create(baseline_path());
  ASSERT_TRUE(writer);
  Acceptance acceptance(**writer, of_everything());
  baseline::Entry now = *before;
  now.facts.digest = {};
  now.facts.mode = S_IFREG;
  now.facts.size = 7;
  now.facts.failed_stage = Stage::Open;
  acceptance.take_changed(tree(), *before, now, "-----M---S");
  ASSERT_TRUE((*writer)->commit(key_));
  EXPECT_EQ(entry("same")->facts.digest, before->facts.digest);
  EXPECT_EQ(entry("same")->facts.mode, std::uint32_t{S_IFREG});
  EXPECT_EQ(entry("same")->facts.size, 7U);
}

}  // namespace
}  // namespace samhain::scan::testing
