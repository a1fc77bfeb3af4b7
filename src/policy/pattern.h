#pragma once

#include <regex.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/result.h"

namespace samhain::policy {

/// A POSIX extended regular expression (regex(7)), compiled once.
///
/// The names that it is given are strangers' work, so its cost is bounded: by the length of the
/// pattern times the counts of its `{m,n}`, and by the length of a path; back references, which
/// take exponential time, are refused.
class Pattern {
 public:
  enum class Anchor { None, Start };  ///< Start: the match begins at the path's first byte

  /// Errors: Malformed, with regcomp(3)'s text.
  static Result<Pattern> compile(std::string_view text, Anchor anchor);

  /// A path of PATH_MAX bytes or more never matches.
  bool matches(const std::string& path) const;

 private:
  struct Free {
    void operator()(regex_t* regex) const {
      regfree(regex);
      delete regex;
    }
  };
  explicit Pattern(std::unique_ptr<regex_t, Free> regex) : regex_(std::move(regex)) {}
  std::unique_ptr<regex_t, Free> regex_;
};

/// The patterns of IgnoreAdded and the like: anchored at the start, not at the end.
class PathPatterns {
 public:
  /// Errors: those of Pattern, and Malformed where a text does not begin with `/`.
  static Result<PathPatterns> compile(std::span<const std::string> texts);
  bool is_empty() const { return patterns_.empty(); }
  bool matches(const std::string& path) const;

 private:
  std::vector<Pattern> patterns_;
};

}  // namespace samhain::policy
