#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/attributes.h"
#include "samhain/result.h"
#include "samhain/severity.h"

namespace samhain::policy {

/// The policies, by the numbers of the original.
enum class Name : std::uint8_t {
  ReadOnly = 1,
  LogFiles,
  GrowingLogFiles,
  IgnoreNone,
  IgnoreAll,
  Attributes,
  User0,
  User1,
  User2,
  User3,
  User4,
  Prelink
};
inline constexpr std::array<Name, 12> kNames = {
    Name::ReadOnly,  Name::LogFiles,   Name::GrowingLogFiles, Name::IgnoreNone,
    Name::IgnoreAll, Name::Attributes, Name::User0,           Name::User1,
    Name::User2,     Name::User3,      Name::User4,           Name::Prelink};

std::string_view section_of(Name name);  ///< "readonly", lower case: the heading in samhainrc
std::string_view tag_of(Name name);      ///< "[ReadOnly]", "[GrowingLogs]": in messages
AttributeSet attributes_of(Name name);   ///< unless redefined

/// Severities of [EventSeverity]; all crit unless set.
struct Severities {
  std::map<Name, Severity> of_policy;
  Severity files = Severity::Crit;
  Severity dirs = Severity::Crit;
  Severity names = Severity::Crit;
  Severity of(Name name) const;
};

inline constexpr int kMaxDepth = 99;

/// One `file=` or `dir=` line after its escapes; the path may still hold a glob.
struct Watch {
  Name policy = Name::ReadOnly;
  bool is_directory = false;
  /// Further levels below the directory; nothing: the default of SetRecursionLevel; -1 (IgnoreAll
  /// only): not even its entries.
  std::optional<int> depth;
  std::string path;
  unsigned line = 0;
  /// What the policy compared when the line was read (Redef…); nothing: what it does by itself.
  std::optional<AttributeSet> attributes{};
  bool is_second = false;  ///< a directory of the second schedule (%SCHEDULE_TWO)
};

/// Takes the value of a `file=` or `dir=` line apart: depth, quotes, escapes (samhainrc(5),
/// POLICIES). Slashes at the end and repeated ones are taken away; `.` and `..` are refused as
/// components, for no walk comes by such a name. Errors: Malformed, Limit; the text reads "what is
/// wrong; what would be right".
Result<Watch> parse_watch(Name policy, bool is_directory, std::string_view value);

/// What holds for one directory's entries, or for one object.
struct Rule {
  Name policy;
  AttributeSet attributes;
  bool operator==(const Rule&) const = default;
};

/// path -> rule, descended in step with the walk so that no path is looked up twice.
///
/// Precedence (samhainrc(5), PRECEDENCE): 1. an exact `file=`; 2. else the deepest `dir=` ancestor
/// within its depth; 3. a sub-directory with its own `dir=` overrides for itself and its content,
/// so that what lies deeper than its depth is not watched by an outer `dir=` either; 4. one that
/// has only a `file=` is still entered by its parent's recursion.
class PolicyTree {
 public:
  struct Node;
  /// Where a walk stands: a directory, what holds in it, and how many levels may still be entered.
  struct Place {
    const Node* node = nullptr;  ///< null: nothing more specific from here on
    std::optional<Rule> rule;    ///< of the directory's entries; nothing: they are not watched
    int levels = 0;              ///< further levels; 0: sub-directories are only objects
  };
  struct Root {
    std::string path;
    bool is_directory;
  };

  PolicyTree();
  ~PolicyTree();
  PolicyTree(PolicyTree&&) noexcept;
  PolicyTree& operator=(PolicyTree&&) noexcept;
  PolicyTree(const PolicyTree&) = delete;
  PolicyTree& operator=(const PolicyTree&) = delete;

  /// Adds a watch whose glob is already expanded.
  /// Errors: Busy (the same path twice as `file=`, or twice as `dir=`: the first counts).
  /// A watch that is not due rests: its rule still takes its place among the others, but it is no
  /// root, and what lies below its directory is neither walked nor missed.
  Result<void> add(const Watch& watch, int default_depth, bool is_due = true);

  /// Where walks begin, byte-sorted: every `file=` and `dir=` that is no entry of a directory which
  /// another root's walk lists.  What is one, the walk meets and judges by its own rule, so that
  /// each object is measured once.  By names only: below a symlink no walk comes, so after the
  /// walks a configured path that was not met is a root of its own (is_configured() tells which
  /// were).
  std::vector<Root> roots() const;

  /// The place of a configured directory's content (without a rule where its depth is -1: it is not
  /// listed), and the rule of a configured path's own inode.
  Place enter_root(std::string_view path) const;
  std::optional<Rule> rule_of_root(std::string_view path) const;

  /// The rule of an entry `name` at `place`; nothing: not watched.
  std::optional<Rule> rule_of(const Place& place, std::string_view name) const;
  /// The entries of `place` that have a rule of their own (a `file=` or `dir=` line names them),
  /// sorted by name, with what rule_of() says of them: what a measurer must know before it lists.
  struct Named {
    std::string name;
    Rule rule;
  };
  std::vector<Named> named_entries(const Place& place) const;
  /// The place of the sub-directory `name`'s content; nothing: it is not entered.
  std::optional<Place> enter(const Place& place, std::string_view name) const;

  /// The entry has a `file=` or a `dir=` of its own.
  bool is_configured(const Place& place, std::string_view name) const;

  bool is_empty() const;
  std::vector<std::string> watched_directories() const;  ///< every `dir=` path, byte-sorted
  std::vector<std::string> watched_files() const;        ///< every `file=` path, byte-sorted
  std::vector<std::string> resting() const;  ///< configured paths of which nothing is due

 private:
  std::unique_ptr<Node> root_;
};

/// A file that may be written to, in a directory whose own times must not change.
struct FixedParent {
  std::string directory;
  std::string file;
};
/// Those among `file=` lines that are neither ReadOnly nor IgnoreNone, directly in the directory of
/// a `dir=` line that watches times, unless a `file=` line of its own frees it from that.
std::vector<FixedParent> find_fixed_parents(const PolicyTree& tree);

/// Expands `*`, `?`, `[…]` by glob(3); a path without them comes back alone.  Empty: no match. What
/// a directory that cannot be read might have held is passed over, and `.` and `..` never match.
/// Errors: System (glob's own), Limit (no memory).
Result<std::vector<std::string>> expand(const std::string& pattern);

}  // namespace samhain::policy
