#include "agent/update.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "policy/policy.h"
#include "report/catalog.h"
#include "samhain/bytes.h"
#include "scan/paths.h"
#include "sys/file.h"

namespace samhain::agent {
namespace {

using Choice = scan::Acceptance::Choice;

constexpr std::size_t kMaxListFile = std::size_t{64} << 20;
constexpr std::size_t kMaxLoginId = 32;
/// What /proc/self/loginuid says where nobody logged in: proc(5).
constexpr uid_t kNobodyLoggedIn = static_cast<uid_t>(-1);

std::string name_of(uid_t uid) {
  const passwd* user = getpwuid(uid);
  return user != nullptr ? std::string{user->pw_name} : std::to_string(uid);
}

/// One path a line, to the letter.
Result<std::set<std::string, std::less<>>> read_list(const std::string& file) {
  const auto bytes = sys::read_file(file, kMaxListFile);
  if (!bytes) return bytes.error().within("list of paths", file);
  std::set<std::string, std::less<>> paths;
  for (const std::string_view line : base::split(as_text(*bytes), "\n")) paths.emplace(line);
  return paths;
}

}  // namespace

std::string responsible_user() {
  const char* caller = std::getenv("SUDO_USER");
  if (geteuid() == 0 && caller != nullptr && *caller != '\0') return caller;
  const auto login = sys::read_file("/proc/self/loginuid", kMaxLoginId);
  const auto uid = login ? base::to_number<uid_t>(base::trim(as_text(*login))) : std::nullopt;
  return name_of(uid && *uid != kNobodyLoggedIn ? *uid : geteuid());
}

bool BaselineUpdate::is_of_all() const {
  const UpdateScope& scope = parts_.settings.update;
  return !scope.is_interactive && !scope.is_approval() && scope.list_file.empty();
}

Result<scan::Acceptance::How> BaselineUpdate::plan() {
  const UpdateScope& scope = parts_.settings.update;
  const baseline::Digests old = parts_.old.about().digests;
  scan::Acceptance::How how;
  how.digests = scan::keep_digests(old);
  if (is_of_all()) {
    const auto digests = scan::plan_digests(old, parts_.settings.scan.digests);
    if (!digests) {
      return Error{Error::Kind::Limit,
                   "the old digest and two new ones of each content are too many at once: update "
                   "with SecondDigestAlgo=none first, then with both"};
    }
    how.digests = *digests;
    how.renews_unchanged = true;
    how.choose = [](std::string_view) { return Choice::Accept; };
    return how;
  }
  const bool has_list = scope.is_approval() || !scope.list_file.empty();
  const Choice chosen = scope.is_interactive ? Choice::Ask : Choice::Accept;
  how.choose = [this, has_list, chosen](std::string_view path) {
    return !has_list || chosen_.contains(path) ? chosen : Choice::Keep;
  };
  return how;
}

Result<void> BaselineUpdate::add_findings(std::set<std::string>& targets) {
  const UpdateScope& scope = parts_.settings.update;
  if (scope.findings.empty() && scope.patterns.empty()) return {};
  const std::string& file = parts_.settings.findings_path;
  const auto findings = load_findings(file);
  if (!findings && scope.findings.empty()) return {};  // patterns make do without
  if (!findings) return findings.error().within("findings", file);
  for (const std::uint64_t number : scope.findings) {
    const Finding* finding = findings->find(number);
    if (finding == nullptr) {
      return Error{Error::Kind::Missing,
                   fmt::format("no finding {}: samhain findings lists them", number)};
    }
    targets.insert(finding->path);
    expected_.insert(finding->path);
    numbered_.emplace(finding->path, *finding);
  }
  for (const Finding& finding : findings->all) {
    const auto fits = [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), finding.path.c_str(), 0) == 0;
    };
    if (std::ranges::any_of(scope.patterns, fits)) targets.insert(finding.path);
  }
  return {};
}

/// What is there now, and what the baseline has; here a `*` takes slashes, too.
Result<void> BaselineUpdate::add_matches(const std::string& pattern,
                                         std::set<std::string>& targets) {
  auto there = policy::expand(pattern);
  if (!there) return there.error().within("pattern", pattern);
  targets.insert(std::make_move_iterator(there->begin()), std::make_move_iterator(there->end()));
  for (std::uint64_t i = 0; i < parts_.old.directory_count(); ++i) {
    const auto directory = parts_.old.directory_at(i);
    if (!directory) return directory.error();
    const auto entries = parts_.old.directory(*directory);
    if (!entries) return entries.error();
    for (const baseline::Entry& entry : *entries) {
      std::string path = scan::join(*directory, entry.facts.name);
      if (fnmatch(pattern.c_str(), path.c_str(), 0) == 0) targets.insert(std::move(path));
    }
  }
  return {};
}

Result<std::vector<std::string>> BaselineUpdate::find_targets() {
  const UpdateScope& scope = parts_.settings.update;
  std::set<std::string> targets(scope.paths.begin(), scope.paths.end());
  expected_.insert(scope.paths.begin(), scope.paths.end());
  if (auto added = add_findings(targets); !added) return added.error();
  for (const std::string& pattern : scope.patterns) {
    if (auto added = add_matches(pattern, targets); !added) return added.error();
  }
  if (targets.empty()) {
    return Error{Error::Kind::Missing, "the pattern fits nothing here and nothing in the baseline"};
  }
  return std::vector<std::string>(targets.begin(), targets.end());
}

Result<void> BaselineUpdate::begin(OnDone on_done) {
  on_done_ = std::move(on_done);
  who_ = responsible_user();
  const UpdateScope& scope = parts_.settings.update;
  std::vector<std::string> targets;
  if (scope.is_approval()) {
    auto found = find_targets();
    if (!found) return found.error();
    targets = *std::move(found);
    chosen_.insert(targets.begin(), targets.end());
  } else if (!scope.list_file.empty()) {
    auto listed = read_list(scope.list_file);
    if (!listed) return listed.error();
    chosen_ = *std::move(listed);
  }
  auto how = plan();
  if (!how) return how.error();
  auto writer = baseline::Writer::create(parts_.settings.baseline_path, how->digests.written);
  if (!writer) return writer.error();
  writer_ = *std::move(writer);
  auto history = parts_.old.approvals();
  if (!history) return history.error();
  for (baseline::Approval& approval : *history) writer_->add_approval(std::move(approval));
  acceptance_ = std::make_unique<scan::Acceptance>(*writer_, *std::move(how));

  const scan::Update update{parts_.old, *writer_, *acceptance_};
  const auto done = [this](Result<scan::Summary> summary) { scanned(std::move(summary)); };
  if (!scope.is_approval()) {
    parts_.scanner.update(update, done);
  } else {
    parts_.scanner.update_some(
        update, targets, [this](const std::string& path) { tell_unknown(path); }, done);
  }
  return {};
}

void BaselineUpdate::consider(const Report& report) {
  const auto found = numbered_.find(report.find("path"));
  if (found == numbered_.end() || report.event_class != EventClass::Event) return;
  if (is_as_seen(found->second, report)) return;
  chosen_.erase(found->first);
  expected_.erase(found->first);
  is_complete_ = false;
  parts_.outlets.submit(
      report::make(report::kNothingToAccept, parts_.clock.now_ns(),
                   {{"path", found->first},
                    {"reason", "it has changed again since the check that found it"},
                    {"remedy", "check again, and look at it; or name its path"}}));
}

void BaselineUpdate::stop() { dialogue_.reset(); }

void BaselineUpdate::scanned(Result<scan::Summary> summary) {
  if (!summary) return on_done_(summary.error());
  summary_ = *summary;
  tell_unchanged();
  if (acceptance_->questions().empty()) return conclude();
  ask();
}

void BaselineUpdate::ask() {
  parts_.outlets.flush();
  parts_.outlets.status_line().erase();
  dialogue_ =
      std::make_unique<Dialogue>(parts_.loop, *acceptance_, [this](const Result<void>& result) {
        dialogue_.reset();
        if (!result) return on_done_(result.error());
        conclude();
      });
  if (auto begun = dialogue_->begin(); !begun) on_done_(begun.error());
}

void BaselineUpdate::conclude() {
  if (!acceptance_->status()) return on_done_(acceptance_->status().error());
  const std::int64_t now = parts_.clock.now_ns() / 1'000'000'000;
  for (const scan::AcceptedChange& one : acceptance_->accepted()) {
    writer_->add_approval({.time = now,
                           .who = who_,
                           .reason = parts_.settings.update.reason,
                           .path = one.path,
                           .change = one.change});
  }
  on_done_(Outcome{.summary = summary_,
                   .is_new = is_of_all() || acceptance_->accepted_count() > 0,
                   .is_complete = is_complete_});
}

void BaselineUpdate::tell_accepted() {
  const std::int64_t now = parts_.clock.now_ns();
  const Field who{"who", who_};
  const Field reason{"reason", parts_.settings.update.reason};
  for (const scan::AcceptedChange& one : acceptance_->accepted()) {
    // Of all of them the findings have been told already.
    if (is_of_all()) break;
    parts_.outlets.submit(report::make(report::kChangeAccepted, now,
                                       {{"path", one.path}, {"change", one.change}, who, reason}));
  }
  parts_.outlets.submit(report::make(report::kBaselineUpdated, now,
                                     {{"path", parts_.settings.baseline_path},
                                      {"accepted", std::to_string(acceptance_->accepted_count())},
                                      who,
                                      reason}));
}

Result<void> BaselineUpdate::forget_accepted() const {
  const std::string& file = parts_.settings.findings_path;
  auto findings = load_findings(file);
  if (!findings && findings.error().kind == Error::Kind::Missing) return {};
  if (!findings) return findings.error().within("findings", file);
  std::set<std::string_view> accepted;
  for (const scan::AcceptedChange& one : acceptance_->accepted()) accepted.insert(one.path);
  const auto count = std::erase_if(
      findings->all, [&](const Finding& finding) { return accepted.contains(finding.path); });
  return count > 0 ? save_findings(file, *findings) : Result<void>{};
}

/// Of what a pattern fits, much may not be watched; a path that was named should be.
void BaselineUpdate::tell_unknown(const std::string& path) {
  if (expected_.erase(path) == 0) return;
  is_complete_ = false;
  parts_.outlets.submit(report::make(
      report::kNothingToAccept, parts_.clock.now_ns(),
      {{"path", path}, {"reason", "the configuration does not watch it, nor is it gone"}}));
}

void BaselineUpdate::tell_unchanged() {
  for (const scan::AcceptedChange& one : acceptance_->accepted()) expected_.erase(one.path);
  for (const auto& question : acceptance_->questions()) expected_.erase(question.change.path);
  for (const std::string& path : expected_) {
    parts_.outlets.submit(report::make(report::kNothingToAccept, parts_.clock.now_ns(),
                                       {{"path", path}, {"reason", "no change was found"}}));
  }
}

}  // namespace samhain::agent
