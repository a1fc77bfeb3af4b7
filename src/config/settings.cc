#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"

namespace samhain::config {
namespace {

using Place = std::pair<std::string, std::string>;  ///< section and key, lower case

constexpr std::string_view kIsNotBuilt = "known from the original, not built here yet";
constexpr std::string_view kLeaveItOut = "leave it out; it has no effect";

/// The tables, to be looked up by section and key.
class Index {
 public:
  Index(std::span<const Setting> settings, std::span<const NotBuilt> not_built) {
    for (const Setting& setting : settings) {
      const std::string section = base::lower(setting.section);
      sections_.insert(section);
      settings_.emplace(Place{section, base::lower(setting.key)}, &setting);
    }
    for (const NotBuilt& one : not_built) {
      const std::string section = base::lower(one.section);
      sections_.insert(section);
      not_built_.emplace(Place{section, base::lower(one.key)}, one.no_use);
    }
  }

  bool has_section(const std::string& section) const { return sections_.contains(section); }
  bool is_section_not_built(const std::string& section) const {
    return not_built_.contains(Place{section, ""});
  }
  /// Why `entry` has no effect, the empty text where it is to come; nothing: it is not known.
  std::optional<std::string_view> find_not_built(const Entry& entry) const {
    const auto found = not_built_.find(Place{entry.section, entry.key});
    if (found != not_built_.end()) return found->second;
    if (is_section_not_built(entry.section)) return std::string_view{};
    return std::nullopt;
  }
  const Setting* find(const Entry& entry) const {
    const auto found = settings_.find(Place{entry.section, entry.key});
    return found == settings_.end() ? nullptr : found->second;
  }
  /// Where else the key of `entry` is known: "[Misc]"; empty: nowhere.
  std::string other_section(const Entry& entry) const {
    for (const auto& [place, setting] : settings_) {
      if (place.second == entry.key) return fmt::format("[{}]", setting->section);
    }
    return {};
  }

 private:
  std::map<Place, const Setting*> settings_;
  std::map<Place, std::string_view> not_built_;
  std::set<std::string> sections_;
};

void check_headings(const Document& document, const Index& index, std::vector<Problem>& problems) {
  std::set<std::string_view> told;
  for (const Heading& heading : document.headings) {
    const bool is_known = index.has_section(heading.section);
    if (is_known && !index.is_section_not_built(heading.section)) continue;
    if (!told.insert(heading.section).second) continue;
    std::string name = fmt::format("[{}]", heading.section);
    if (is_known) {
      problems.push_back(Problem{Problem::Kind::NotBuilt, heading.line, std::move(name), "",
                                 std::string{kIsNotBuilt}, std::string{kLeaveItOut}});
    } else {
      problems.push_back(Problem{Problem::Kind::UnknownSection, heading.line, "", std::move(name),
                                 "no section of this name: its lines are not read",
                                 "the manual page lists the sections"});
    }
  }
}

Problem refusal(const Entry& entry, const Error& error) {
  const std::string text = error.text();
  const std::size_t cut = text.find("; ");
  const auto kind = [&error] {
    if (error.kind == Error::Kind::Busy) return Problem::Kind::Duplicate;
    if (error.kind == Error::Kind::NotBuilt) return Problem::Kind::NotBuilt;
    return Problem::Kind::InvalidInput;
  };
  return Problem{kind(),
                 entry.line,
                 entry.key,
                 entry.value,
                 text.substr(0, cut),
                 cut == std::string::npos ? std::string{} : text.substr(cut + 2)};
}

/// `no_use` is empty for what is to come.
Problem without_effect(const Entry& entry, std::string_view no_use) {
  if (no_use.empty()) {
    return Problem{
        Problem::Kind::NotBuilt, entry.line, entry.key, entry.value, std::string{kIsNotBuilt},
        std::string{kLeaveItOut}};
  }
  const std::size_t cut = no_use.find("; ");
  const bool has_remedy = cut != std::string_view::npos;
  return Problem{Problem::Kind::NoUse,
                 entry.line,
                 entry.key,
                 entry.value,
                 std::string{no_use.substr(0, cut)},
                 std::string{has_remedy ? no_use.substr(cut + 2) : kLeaveItOut}};
}

Problem unknown_key(const Entry& entry, const Index& index) {
  const std::string other = index.other_section(entry);
  return Problem{Problem::Kind::InvalidLine,
                 entry.line,
                 entry.key,
                 entry.value,
                 fmt::format("no option of this name in [{}]", entry.section),
                 other.empty() ? "the manual page lists the options; names count as a whole"
                               : fmt::format("it belongs under {}", other)};
}

}  // namespace

std::vector<Problem> apply(const Document& document, std::span<const Setting> settings,
                           std::span<const NotBuilt> not_built) {
  const Index index{settings, not_built};
  std::vector<Problem> problems;
  check_headings(document, index, problems);
  for (const Entry& entry : document.entries) {
    if (!index.has_section(entry.section)) continue;  // said once, with its heading
    if (const Setting* setting = index.find(entry)) {
      if (const auto taken = setting->take(entry); !taken) {
        problems.push_back(refusal(entry, taken.error()));
      }
    } else if (const auto no_use = index.find_not_built(entry)) {
      problems.push_back(without_effect(entry, *no_use));
    } else {
      problems.push_back(unknown_key(entry, index));
    }
  }
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  return problems;
}

}  // namespace samhain::config
