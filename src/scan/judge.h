#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "baseline/baseline.h"
#include "policy/pattern.h"
#include "policy/policy.h"
#include "scan/acceptance.h"
#include "scan/compare.h"
#include "scan/describe.h"
#include "scan/directory_counts.h"
#include "scan/memory.h"
#include "scan/names.h"
#include "scan/scan.h"

namespace samhain::scan {

/// Turns what a walk found into reports, counts them, and remembers what was said.  Lives as long
/// as the Scanner; begin() before each walk.
class Judge {
 public:
  Judge(const base::Clock& clock, Settings settings, Scanner::OnReport on_report);

  /// Who has a part in a walk; borrowed until the next begin().
  struct Companions {
    Resume* resume = nullptr;  ///< what was told before a restart, and is told now; null: nothing
    /// Of an update: to it everything that is told is handed instead of being remembered.
    Acceptance* acceptance = nullptr;
  };
  void begin(Mode mode, std::chrono::seconds deadline, Companions companions);
  void begin(Mode mode, std::chrono::seconds deadline) { begin(mode, deadline, {}); }
  Summary& summary() { return summary_; }
  Memory& memory() { return memory_; }
  void forget();                      ///< what was reported: it was about another baseline
  void take_memory_of(Judge& other);  ///< what `other` has reported counts as reported by this one

  /// What a baseline keeps of an object.
  baseline::Entry entry_of(const FileFacts& facts, const policy::Rule& rule);

  /// Weird names, owners without a name: of every object that is watched for more than existence.
  void look_at(std::string_view directory, const FileFacts& facts, const policy::Rule& rule);
  /// Something could not be measured.
  void tell_trouble(std::string_view path, const FileFacts& facts, const policy::Rule& rule);
  void tell_directory_trouble(std::string_view path, Stage stage, int sys_errno);

  /// A directory, or a configured file, is being looked at; a directory was.
  void tell_step(std::string_view path);
  void tell_counts(std::string_view path, const EntryCounts& counts);

  void tell_remark(std::string_view directory, const Remark& remark);

  /// Does a directory's link count contradict the sub-directories that were counted in it?
  bool doubts_links(std::string_view path, std::uint32_t links, std::uint64_t device,
                    const EntryCounts& counts);
  void tell_links(std::string_view path, std::uint32_t links, const EntryCounts& counts);

  /// compare() by the kinds of digest that both have.
  policy::AttributeSet differing(const baseline::Entry& known, const FileFacts& facts,
                                 const policy::Rule& rule) const;
  /// IgnoreModified: nothing that is known of it is compared.
  bool ignores_changes(std::string_view directory, std::string_view name) const;
  void judge(std::string_view directory, const baseline::Entry* known, const FileFacts& facts,
             const policy::Rule& rule);
  void tell_changed(std::string_view directory, const baseline::Entry& known,
                    const FileFacts& facts, const policy::Rule& rule,
                    policy::AttributeSet differing);
  void tell_missing(std::string_view directory, const baseline::Entry& known);

  /// A path of the configuration that is not there, that is no directory, that is there again.
  struct Configured {
    std::string path;
    bool is_directory = false;  ///< by a `dir=` line
    policy::Rule rule;
  };
  void tell_absent(const Configured& root, const std::optional<baseline::Entry>& known);
  void tell_no_directory(const Configured& root, const std::optional<baseline::Entry>& known);
  /// True if it was absent, which is told now; its facts are as good as trusted then.
  bool tell_if_back(const Configured& root, const FileFacts& facts);

  /// A growing log that was rotated as it should: its content and inode are those of a new file,
  /// which count from now on; what else differs is told.
  void accept_rotated(std::string_view directory, const baseline::Entry& known,
                      const FileFacts& facts, const policy::Rule& rule);

 private:
  void tell_added(std::string_view directory, const baseline::Entry& now, Severity severity);
  /// A growing log that grew: this is what counts from now on.
  void accept(std::string_view directory, const baseline::Entry& known, const FileFacts& facts,
              const policy::Rule& rule);
  void tell(Report&& report, Severity severity);
  void tell_oversize(std::string_view directory, const FileFacts& facts);
  void finding(Report report, Severity severity);
  void trouble(Report report, Severity severity);
  Severity severity_of(const policy::Rule& rule) const;
  Severity severity_of_missing(std::uint8_t policy) const;
  Wording wording() const;
  bool is_unchanged_loosely(const baseline::Entry& known, const FileFacts& facts,
                            policy::AttributeSet differing) const;

  const base::Clock& clock_;
  Settings settings_;
  Scanner::OnReport on_report_;
  Mode mode_ = Mode::Check;
  Resume* resume_ = nullptr;
  Acceptance* acceptance_ = nullptr;
  std::chrono::seconds deadline_{};
  Summary summary_;
  Memory memory_;
  OwnerNames names_;
  NameCheck name_check_;
  LinkingFileSystems linking_;
  policy::PathPatterns ignored_added_;
  policy::PathPatterns ignored_missing_;
  policy::PathPatterns ignored_modified_;
  std::set<std::string, std::less<>> absent_;  ///< configured paths that were told to be absent
};

}  // namespace samhain::scan
