#include "scan/judge.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "report/catalog.h"
#include "scan/paths.h"

namespace samhain::scan {
namespace {

using baseline::Entry;
using policy::Attribute;
using policy::AttributeSet;

Field path_field(std::string_view path) { return Field{"path", std::string{path}}; }
Field user_field() { return Field{"userid", std::to_string(geteuid())}; }
std::string errno_text(int sys_errno) { return std::strerror(sys_errno); }

void merge_extended(FileFacts& to, const FileFacts& from, AttributeSet told) {
  static const ExtendedFacts none;
  const ExtendedFacts& now = from.extended ? *from.extended : none;
  ExtendedFacts merged = to.extended ? *to.extended : none;
  if (told.has(Attribute::Acl)) merged.acl = now.acl;
  if (told.has(Attribute::Capabilities)) merged.capabilities = now.capabilities;
  if (told.has(Attribute::Selinux)) merged.selinux = now.selinux;
  if (told.has(Attribute::Xattrs)) merged.xattrs = now.xattrs;
  if (told.has(Attribute::Checksum)) merged.content = now.content;
  to.extended = merged == none ? nullptr : std::make_shared<const ExtendedFacts>(std::move(merged));
}

/// `known` with the attributes that were told taken from `now`.
Entry merged(const Entry& known, const Entry& now, AttributeSet told) {
  Entry entry = known;
  FileFacts& to = entry.facts;
  const FileFacts& from = now.facts;
  if (told.has(Attribute::Checksum)) {
    to.digest = from.digest;
    to.second_digest = from.second_digest;
  }
  if (told.has(Attribute::Flags)) to.flags = from.flags;
  if (told.has(Attribute::Birth)) to.btime = from.btime;
  merge_extended(to, from, told);
  if (told.has(Attribute::Link)) to.target = from.target;
  if (told.has(Attribute::Device)) to.rdevice = from.rdevice;
  if (told.has(Attribute::Inode)) to.inode = from.inode;
  if (told.has(Attribute::Hardlinks)) to.links = from.links;
  if (told.has(Attribute::Mode)) {
    to.mode = from.mode;
    to.flags = from.flags;
  }
  if (told.has(Attribute::User)) {
    to.uid = from.uid;
    entry.owner = now.owner;
  }
  if (told.has(Attribute::Group)) {
    to.gid = from.gid;
    entry.group = now.group;
  }
  if (told.has(Attribute::Mtime)) to.mtime = from.mtime;
  if (told.has(Attribute::Ctime)) to.ctime = from.ctime;
  if (told.has(Attribute::Atime)) to.atime = from.atime;
  if (told.has(Attribute::Size)) to.size = from.size;
  return entry;
}

}  // namespace

namespace {

/// Of texts that were found good when the configuration was read.
policy::PathPatterns compiled(const std::vector<std::string>& texts) {
  auto patterns = policy::PathPatterns::compile(texts);
  assert(patterns);
  return *std::move(patterns);
}

/// What differs of a directory because of its entries.
bool is_of_entries(AttributeSet differing) {
  for (const Attribute a :
       {Attribute::Size, Attribute::Mtime, Attribute::Ctime, Attribute::Atime}) {
    differing.remove(a);
  }
  return differing.is_empty();
}

}  // namespace

Judge::Judge(const base::Clock& clock, Settings settings, Scanner::OnReport on_report)
    : clock_(clock),
      settings_(std::move(settings)),
      on_report_(std::move(on_report)),
      name_check_(settings_.rules.names),
      ignored_added_(compiled(settings_.rules.ignore_added)),
      ignored_missing_(compiled(settings_.rules.ignore_missing)),
      ignored_modified_(compiled(settings_.rules.skip.ignore_modified)) {}

void Judge::begin(Mode mode, std::chrono::seconds deadline, Companions companions) {
  mode_ = mode;
  resume_ = companions.resume;
  acceptance_ = companions.acceptance;
  deadline_ = deadline;
  summary_ = {};
  names_.clear();
  linking_.forget();
}

void Judge::forget() {
  memory_.clear();
  absent_.clear();
}

void Judge::take_memory_of(Judge& other) {
  // With ReportOnlyOnce switched off everything is to be told again.
  if (other.settings_.reports_once && !settings_.reports_once) return;
  memory_ = std::move(other.memory_);
  absent_ = std::move(other.absent_);
}

Wording Judge::wording() const {
  return {.full_detail = settings_.reports_full_detail,
          .uses_local_time = settings_.uses_local_time,
          .check_flags = settings_.rules.shows_check_flags};
}

Severity Judge::severity_of(const policy::Rule& rule) const {
  return settings_.severities.of(rule.policy);
}

Severity Judge::severity_of_missing(std::uint8_t policy) const {
  const bool is_ignored = policy == static_cast<std::uint8_t>(policy::Name::IgnoreAll);
  return is_ignored ? settings_.severities.of(policy::Name::IgnoreAll) : settings_.severities.files;
}

void Judge::tell(Report&& report, Severity severity) {
  if (resume_ != nullptr && !resume_->is_news(report)) return;
  report.severity = severity;
  on_report_(std::move(report));
}

void Judge::finding(Report report, Severity severity) {
  ++summary_.findings;
  tell(std::move(report), severity);
}

void Judge::trouble(Report report, Severity severity) {
  ++summary_.errors;
  tell(std::move(report), severity);
}

Entry Judge::entry_of(const FileFacts& facts, const policy::Rule& rule) {
  return Entry{.facts = facts,
               .owner = names_.user(facts.uid).text,
               .group = names_.group(facts.gid).text,
               .policy = static_cast<std::uint8_t>(rule.policy),
               .attributes = rule.attributes.bits()};
}

void Judge::look_at(std::string_view directory, const FileFacts& facts, const policy::Rule& rule) {
  if (rule.policy == policy::Name::IgnoreAll) return;
  if (facts.extended && facts.extended->oversize > 0) tell_oversize(directory, facts);
  OwnerNames::Name& user = names_.user(facts.uid);
  OwnerNames::Name& group = names_.group(facts.gid);
  const bool is_weird = name_check_.is_weird(facts.name);
  const bool is_all_right = user.is_known && group.is_known && !is_weird;
  if (is_all_right) return;

  const std::string path = join(directory, facts.name);
  const Severity severity = settings_.severities.names;
  // An account that was removed leaves thousands of files: one line for it is enough.
  if (!user.is_known && !std::exchange(user.was_told, true)) {
    trouble(report::make(report::kNoSuchUser, clock_.now_ns(),
                         {{"interface", "getpwuid"}, {"userid", user.text}, path_field(path)}),
            severity);
  }
  if (!group.is_known && !std::exchange(group.was_told, true)) {
    trouble(report::make(report::kNoSuchGroup, clock_.now_ns(),
                         {{"interface", "getgrgid"}, {"group", group.text}, path_field(path)}),
            severity);
  }
  if (is_weird) {
    trouble(report::make(report::kWeirdFilename, clock_.now_ns(), {path_field(path)}), severity);
  }
}

void Judge::tell_oversize(std::string_view directory, const FileFacts& facts) {
  trouble(report::make_filled(
              report::kContentTooLarge, {std::to_string(facts.extended->oversize)}, clock_.now_ns(),
              {{"subroutine", "sh_unix_getinfo"}, path_field(join(directory, facts.name))}),
          report::kContentTooLarge.severity);
}

void Judge::tell_trouble(std::string_view path, const FileFacts& facts, const policy::Rule& rule) {
  const std::int64_t now = clock_.now_ns();
  const std::string text = errno_text(facts.failed_errno);
  switch (facts.failed_stage) {
    case Stage::None:
      return;
    case Stage::Timeout:
      return trouble(
          report::make_filled(report::kChecksumTimeout, {std::to_string(deadline_.count())}, now,
                              {path_field(path)}),
          report::kChecksumTimeout.severity);
    case Stage::Unstable:
      if (facts.mode != 0 && !S_ISREG(facts.mode)) {
        return trouble(report::make(report::kNotRegular, now, {path_field(path)}),
                       severity_of(rule));
      }
      return trouble(report::make(report::kFileUnstable, now, {path_field(path)}),
                     report::kFileUnstable.severity);
    case Stage::Readlink:
      return trouble(report::make_filled(report::kReadlinkFailed, {text}, now,
                                         {{"interface", "readlink"}, path_field(path)}),
                     severity_of(rule));
    case Stage::Open:
    case Stage::Read: {
      Report report = report::make(report::kFileNotAccessible, now,
                                   {user_field(), path_field(path), {"obj", text}});
      report.event_class = EventClass::Fil;
      return trouble(std::move(report), settings_.severities.files);
    }
    case Stage::Lstat:
    case Stage::Opendir:
      return trouble(report::make_interface(report::kInterfaceFailed, "lstat", text, now,
                                            {user_field(), path_field(path)}),
                     severity_of(rule));
  }
}

void Judge::tell_directory_trouble(std::string_view path, Stage stage, int sys_errno) {
  if (stage == Stage::Timeout) {
    FileFacts facts;
    facts.failed_stage = stage;
    return tell_trouble(path, facts, {});
  }
  trouble(report::make_filled(report::kOpendirFailed, {errno_text(sys_errno)}, clock_.now_ns(),
                              {{"interface", "opendir"}, path_field(path)}),
          settings_.severities.dirs);
}

void Judge::tell_step(std::string_view path) {
  if (!settings_.tells_steps) return;
  on_report_(report::make(report::kChecking, clock_.now_ns(), {path_field(path)}));
}

void Judge::tell_counts(std::string_view path, const EntryCounts& counts) {
  if (!settings_.tells_steps) return;
  const auto text = [](std::uint32_t count) { return fmt::format("{:3}", count); };
  on_report_(report::make_filled(
      report::kEntryTypes,
      {text(counts.directories + 2), text(counts.files), text(counts.symlinks), text(counts.pipes),
       text(counts.sockets), text(counts.characters), text(counts.blocks)},
      clock_.now_ns(), {path_field(path)}));
}

void Judge::tell_remark(std::string_view directory, const Remark& remark) {
  const std::string path = join(directory, remark.name);
  const std::int64_t now = clock_.now_ns();
  if (remark.kind == Remark::Kind::Slow) {
    return trouble(report::make_filled(report::kSlowOpen, {std::to_string(remark.seconds)}, now,
                                       {path_field(path)}),
                   report::kSlowOpen.severity);
  }
  on_report_(
      report::make(report::kDanglingLink, now,
                   {path_field(path), {"linked_path", target_text(directory, remark.target)}}));
}

bool Judge::doubts_links(std::string_view path, std::uint32_t links, std::uint64_t device,
                         const EntryCounts& counts) {
  // Not even two: this file system does not count them.
  if (!settings_.rules.checks_hard_links || links < 2 || !counts.is_certain) return false;
  const std::int64_t offset = std::int64_t{links} - counts.directories - 2;
  if (offset == 0) return false;
  const auto& exceptions = settings_.rules.hard_link_offsets;
  if (const auto one = exceptions.find(path); one != exceptions.end() && one->second == offset) {
    return false;
  }
  // There the desktop mounts a file system that even root cannot look at.
  const bool is_of_desktop = locate(path).directory == "/run/user" && offset == 1;
  return !is_of_desktop && linking_.has(device);
}

void Judge::tell_links(std::string_view path, std::uint32_t links, const EntryCounts& counts) {
  trouble(report::make_filled(report::kHardlinkMismatch,
                              {path, std::to_string(counts.directories + 2), std::to_string(links)},
                              clock_.now_ns(), {{"subroutine", "sh_files_checkdir"}}),
          settings_.severities.dirs);
}

bool Judge::is_unchanged_loosely(const Entry& known, const FileFacts& facts,
                                 AttributeSet differing) const {
  return settings_.rules.is_loose_on_directories && S_ISDIR(known.facts.mode) &&
         S_ISDIR(facts.mode) && is_of_entries(differing);
}

AttributeSet Judge::differing(const Entry& known, const FileFacts& facts,
                              const policy::Rule& rule) const {
  if (acceptance_ == nullptr || !acceptance_->digests().is_change) {
    return compare(known, facts, rule.attributes);
  }
  Entry before = known;
  before.facts.second_digest = {};
  FileFacts now = facts;
  now.second_digest = {};
  return compare(before, now, rule.attributes);
}

void Judge::tell_added(std::string_view directory, const Entry& now, Severity severity) {
  const std::string path = join(directory, now.facts.name);
  const bool is_told = !ignored_added_.matches(path);
  if (is_told) finding(describe_added(path, now, wording(), clock_.now_ns()), severity);
  if (acceptance_ != nullptr) return acceptance_->take_added(directory, now, is_told);
  if (settings_.reports_once) memory_.put(directory, now);
}

bool Judge::ignores_changes(std::string_view directory, std::string_view name) const {
  return !ignored_modified_.is_empty() && ignored_modified_.matches(join(directory, name));
}

void Judge::judge(std::string_view directory, const Entry* known, const FileFacts& facts,
                  const policy::Rule& rule) {
  if (known == nullptr) return tell_added(directory, entry_of(facts, rule), severity_of(rule));
  if (ignores_changes(directory, facts.name)) {
    if (acceptance_ != nullptr) acceptance_->keep(directory, *known);
    return;
  }
  const AttributeSet differs = differing(*known, facts, rule);
  const bool is_told = !differs.is_empty() && !is_unchanged_loosely(*known, facts, differs);
  if (is_told) return tell_changed(directory, *known, facts, rule, differs);
  if (acceptance_ != nullptr) {
    return acceptance_->take_unchanged(directory, *known, entry_of(facts, rule));
  }
  const bool has_grown = rule.attributes.has(Attribute::Growing) && S_ISREG(facts.mode) &&
                         facts.size != known->facts.size && facts.digest;
  if (has_grown) accept(directory, *known, facts, rule);
}

void Judge::tell_changed(std::string_view directory, const Entry& known, const FileFacts& facts,
                         const policy::Rule& rule, AttributeSet differing) {
  const Entry now = entry_of(facts, rule);
  finding(describe_changed(join(directory, facts.name), known, now, rule, differing, wording(),
                           clock_.now_ns()),
          severity_of(rule));
  if (acceptance_ != nullptr) {
    return acceptance_->take_changed(directory, known, now, change_code(differing));
  }
  if (!settings_.reports_once) return;
  AttributeSet told = differing;
  // The digest of a growing log only means something with the size it belongs to.
  const bool is_log = rule.attributes.has(Attribute::Growing) && S_ISREG(facts.mode);
  if (is_log && facts.digest) {
    told.add(Attribute::Checksum);
    told.add(Attribute::Size);
  }
  memory_.put(directory, merged(known, now, told));
}

void Judge::accept(std::string_view directory, const Entry& known, const FileFacts& facts,
                   const policy::Rule& rule) {
  memory_.put(directory, merged(known, entry_of(facts, rule), rule.attributes));
}

void Judge::accept_rotated(std::string_view directory, const Entry& known, const FileFacts& facts,
                           const policy::Rule& rule) {
  AttributeSet accepted;
  AttributeSet rest = differing(known, facts, rule);
  for (const Attribute attribute : {Attribute::Checksum, Attribute::Inode, Attribute::Size}) {
    accepted.add(attribute);
    rest.remove(attribute);
  }
  const Entry now = entry_of(facts, rule);
  const Entry rotated = merged(known, now, accepted);
  if (acceptance_ == nullptr) memory_.put(directory, rotated);
  if (!rest.is_empty()) return tell_changed(directory, rotated, facts, rule, rest);
  if (acceptance_ != nullptr) acceptance_->take_unchanged(directory, known, now);
}

void Judge::tell_missing(std::string_view directory, const Entry& known) {
  const std::string path = join(directory, known.facts.name);
  const bool is_told = !ignored_missing_.matches(path);
  if (is_told) {
    finding(describe_missing(path, known, wording(), clock_.now_ns()),
            severity_of_missing(known.policy));
  }
  if (acceptance_ != nullptr) return acceptance_->take_missing(directory, known, is_told);
  if (settings_.reports_once) memory_.remove(directory, known.facts.name);
}

void Judge::tell_absent(const Configured& root, const std::optional<Entry>& known) {
  const bool is_news = absent_.insert(root.path).second;
  if (mode_ == Mode::Check && !known) {
    return trouble(report::make(report::kCheckFailed, clock_.now_ns(), {path_field(root.path)}),
                   report::kCheckFailed.severity);
  }
  if (!is_news && settings_.reports_once) return;
  if (ignored_missing_.matches(root.path)) {
    if (known) tell_missing(locate(root.path).directory, *known);
    return;
  }
  trouble(report::make_interface(report::kInterfaceFailed, "lstat", errno_text(ENOENT),
                                 clock_.now_ns(), {user_field(), path_field(root.path)}),
          severity_of(root.rule));
  if (known) return tell_missing(locate(root.path).directory, *known);
  const auto policy = static_cast<std::uint8_t>(root.rule.policy);
  finding(report::make(report::kPolicyMissing, clock_.now_ns(), {path_field(root.path)}),
          root.is_directory ? settings_.severities.dirs : severity_of_missing(policy));
}

void Judge::tell_no_directory(const Configured& root, const std::optional<Entry>& known) {
  if (!absent_.insert(root.path).second && settings_.reports_once) return;
  finding(report::make(report::kPolicyNoDirectory, clock_.now_ns(), {path_field(root.path)}),
          settings_.severities.dirs);
  if (known) return tell_missing(locate(root.path).directory, *known);
  finding(report::make(report::kPolicyMissing, clock_.now_ns(), {path_field(root.path)}),
          settings_.severities.dirs);
}

bool Judge::tell_if_back(const Configured& root, const FileFacts& facts) {
  if (absent_.erase(root.path) == 0 || mode_ == Mode::Init || !root.is_directory) return false;
  if (acceptance_ != nullptr) return false;  // judged as everything else
  if (!ignored_added_.matches(root.path)) {
    finding(report::make(report::kPolicyAdded, clock_.now_ns(), {path_field(root.path)}),
            settings_.severities.dirs);
  }
  if (settings_.reports_once) {
    memory_.put(locate(root.path).directory, entry_of(facts, root.rule));
  }
  return true;
}

}  // namespace samhain::scan
