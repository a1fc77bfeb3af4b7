#include "report/threshold.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/text.h"

namespace samhain::report {
namespace {

Error bad_item(std::string_view item) {
  return Error{Error::Kind::Malformed,
               "\"" + base::printable(item) +
                   "\" is no severity; write none, debug, info, notice, warn, mark, err, crit or "
                   "alert, or * for all, in front of a word = for only this one, ! for less this "
                   "one and those above, != for less this one"};
}

/// What one item does to the set.
struct Step {
  bool takes_away = false;
  bool is_single = false;
  bool is_all = false;
  Severity severity = Severity::None;

  /// `none`, `!*`, `!debug`: nothing passes, whatever else the list says.
  bool closes() const {
    if (severity == Severity::None && !is_all) return true;
    return takes_away && !is_single && (is_all || severity == Severity::Debug);
  }
};

std::optional<Step> parse_item(std::string_view item) {
  Step step;
  if (item.starts_with('!')) {
    step.takes_away = true;
    item.remove_prefix(1);
  }
  if (item.starts_with('=')) {
    step.is_single = true;
    item.remove_prefix(1);
  }
  if (item == "*" && !step.is_single) {
    step.is_all = true;
    return step;
  }
  const auto severity = severity_named(item);
  if (!severity) return std::nullopt;
  if (*severity == Severity::None && (step.takes_away || step.is_single)) return std::nullopt;
  step.severity = *severity;
  return step;
}

void apply(const Step& step, SeveritySet& set) {
  const auto lowest = step.is_all ? Severity::Debug : step.severity;
  const auto highest = step.is_single || lowest > Severity::Alert ? lowest : Severity::Alert;
  for (auto s = static_cast<std::uint8_t>(lowest); s <= static_cast<std::uint8_t>(highest); ++s) {
    const auto severity = static_cast<Severity>(s);
    step.takes_away ? set.remove(severity) : set.add(severity);
  }
}

/// What a word of a class list stands for; places that are left over are EventClass{}.
struct ClassGroup {
  std::string_view word;
  std::array<EventClass, 4> classes;
};

using C = EventClass;
constexpr std::array<ClassGroup, 16> kGroups = {{{"EVENT", {C::Event}},
                                                 {"START", {C::Start}},
                                                 {"STAMP", {C::Stamp}},
                                                 {"LOGKEY", {C::Logkey}},
                                                 {"AUD", {C::Aud}},
                                                 {"PANIC", {C::Panic}},
                                                 {"TCP", {C::Tcp}},
                                                 {"ERR", {C::Err}},
                                                 {"ENET", {C::Enet}},
                                                 {"EINPUT", {C::Einput}},
                                                 {"RUN", {C::Run, C::Event, C::Start, C::Logkey}},
                                                 {"FIL", {C::Fil, C::Event}},
                                                 {"ERROR", {C::Err, C::Panic, C::Enet, C::Einput}},
                                                 {"OTHER", {C::Run, C::Fil, C::Tcp}},
                                                 {"RUN_OLD", {C::Run}},
                                                 {"FIL_OLD", {C::Fil}}}};

Error bad_class(std::string_view item) {
  std::string words;
  for (const ClassGroup& group : kGroups) words.append(" ").append(group.word);
  return Error{Error::Kind::Malformed,
               "\"" + base::printable(item) + "\" is no class; give some of" + words};
}

}  // namespace

std::optional<Severity> severity_named(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Severity>, 3> kAliases = {
      {{"error", Severity::Err}, {"warning", Severity::Warn}, {"critical", Severity::Crit}}};
  for (std::size_t i = 0; i < kSeverityCount; ++i) {
    const auto severity = static_cast<Severity>(i);
    if (base::equal_no_case(text, word(severity))) return severity;
  }
  for (const auto& [alias, severity] : kAliases) {
    if (base::equal_no_case(text, alias)) return severity;
  }
  return std::nullopt;
}

Result<SeveritySet> parse_threshold(std::string_view text) {
  const auto items = base::split(text, ";, \t");
  if (items.empty()) return bad_item("");
  SeveritySet set;
  bool is_closed = false;
  for (const std::string_view item : items) {
    const auto step = parse_item(item);
    if (!step) return bad_item(item);
    is_closed = is_closed || step->closes();
    apply(*step, set);
  }
  return is_closed ? SeveritySet{} : set;
}

Result<ClassSet> parse_classes(std::string_view text) {
  ClassSet set;
  const auto items = base::split(text, ", \t");
  if (items.empty()) return bad_class("");
  for (const std::string_view item : items) {
    const auto* const group = std::find_if(
        kGroups.begin(), kGroups.end(),
        [item](const ClassGroup& candidate) { return base::equal_no_case(item, candidate.word); });
    if (group == kGroups.end()) return bad_class(item);
    for (const EventClass one : group->classes) {
      if (one != EventClass{}) set.add(one);
    }
  }
  return set;
}

}  // namespace samhain::report
