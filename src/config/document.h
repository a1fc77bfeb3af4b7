#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/result.h"

namespace samhain::config {

/// One `key = value` that counts: comments, excluded blocks and expansions are dealt with.
struct Entry {
  std::string section;  ///< lower case, without brackets
  std::string key;      ///< lower case
  std::string value;    ///< trimmed; empty for a key that stands alone
  unsigned line = 0;
};

/// One `[Name]` that counts.
struct Heading {
  std::string section;  ///< lower case, without brackets
  unsigned line = 0;
};

/// A line that was not taken, or taken with a doubt, and why.
struct Problem {
  enum class Kind {
    InvalidLine,  ///< no `=`, unknown key, empty value, `key = value` before the first section
    UnknownSection,
    InvalidInput,     ///< known key, bad value
    UnsupportedTest,  ///< `@if something_else`
    UnmatchedEnd,
    MissingEnd,
    NotBuilt,    ///< known from the original, not built here yet
    NoUse,       ///< known from the original, makes no sense here
    Duplicate,   ///< said twice where only one can count
    Unreadable,  ///< NUL bytes, a line too long: binary junk
  };
  Kind kind = Kind::InvalidLine;
  unsigned line = 0;
  std::string key;     ///< lower case; of a section that is not built: "[name]"
  std::string value;   ///< as written; of a line without a key: the line
  std::string reason;  ///< what is wrong
  std::string remedy;  ///< what would be right
};

/// Is the file wrong, and does it not merely use what has no effect here?
inline bool is_mistake(const Problem& problem) {
  return problem.kind != Problem::Kind::NotBuilt && problem.kind != Problem::Kind::NoUse;
}

/// What conditionals and `$(…)` ask of the host; tests give their own.
struct Surroundings {
  std::string host_name;    ///< full name or numeric address
  std::string system_name;  ///< sysname:release:machine
  std::function<bool(const std::string& path)> file_exists;
  std::function<bool(const std::string& address)> interface_exists;
  /// /bin/sh -c with a clean environment, at most 120 s: exit status is 0.
  std::function<bool(const std::string& command)> command_succeeds;
  /// The first line of its output, which may be empty.  Errors: System, Timeout, and Refused where
  /// its status was not 0.
  std::function<Result<std::string>(const std::string& command)> command_output;
};
Surroundings real_surroundings(std::string host_name);

struct Document {
  std::vector<Entry> entries;
  std::vector<Heading> headings;
  std::vector<Problem> problems;
};

/// Longest line and longest file, in bytes: 100,000 clients are 84 MB.
inline constexpr std::size_t kMaxLine = 16'384;
inline constexpr std::size_t kMaxFile = 256U << 20;
/// After so many problems the rest of the file is not read: this is no configuration.
inline constexpr std::size_t kMaxProblems = 1'000;

/// Reads the configuration language (samhainrc(5), section LANGUAGE): sections, comments `#` `;`
/// `//`,
/// `[EOF]`, `@if … @else … @fi`, `@HOST` `$SYSTEM` `!@HOST` `!$SYSTEM` `@end` `$end`, `$(command)`
/// as a whole value.  Never fails: what is wrong becomes a Problem and the rest counts.  Text
/// before the first section is ignored (the armour of a clear-signed file) unless it reads `key =
/// value`.
/// `%SCHEDULE_TWO` lines come as entries with that key.
Document parse(std::string_view text, const Surroundings& surroundings);

}  // namespace samhain::config
