// Any bytes as a configuration, and as the paths in it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/document.h"
#include "config/known.h"
#include "config/settings.h"
#include "policy/policy.h"
#include "policy/settings.h"
#include "policy/skip.h"

namespace {

using namespace samhain;

void must(bool holds) {
  if (!holds) std::abort();
}

config::Surroundings surroundings() {
  return {"host.example.test",
          "Linux:6.1:x86_64",
          [](const std::string& path) { return path.size() % 2 == 0; },
          [](const std::string& address) { return address.size() % 2 == 0; },
          [](const std::string& command) { return command.size() % 2 == 0; },
          [](const std::string& command) -> Result<std::string> { return command; }};
}

/// Visits what a scan would, but bounded: every root, and some names below it.
void walk(const policy::PolicyTree& tree) {
  for (const auto& root : tree.roots()) {
    must(root.path.starts_with('/'));
    must(tree.rule_of_root(root.path).has_value());
    const auto place = tree.enter_root(root.path);
    for (const auto& named : tree.named_entries(place)) {
      must(tree.rule_of(place, named.name) == named.rule);
      must(tree.is_configured(place, named.name));
      if (place.rule) (void)tree.enter(place, named.name);
    }
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text{reinterpret_cast<const char*>(data), size};
  // regcomp(3) takes any time and memory for `a{255}{255}`; that is glibc's to fuzz, not ours.
  std::replace(text.begin(), text.end(), '{', '(');
  const config::Document document = config::parse(text, surroundings());
  must(document.problems.size() <= config::kMaxProblems + 2);
  for (const config::Entry& entry : document.entries) {
    must(entry.line > 0 && entry.value.size() <= config::kMaxLine);
  }

  policy::Reading reading;
  policy::Severities severities;
  policy::Timetable table;
  auto settings = policy::watch_settings(reading);
  settings.push_back(policy::schedule_setting("FileCheckScheduleOne", table));
  for (auto& setting : policy::severity_settings(severities))
    settings.push_back(std::move(setting));
  (void)config::apply(document, settings, config::agent_not_built());

  for (const config::Entry& entry : document.entries) {
    const auto skipper = policy::Skipper::make({.conditions = {entry.value}, .types = {}});
    if (skipper) (void)skipper->skips({entry.value, 0644, size}, [&] { return text; });
    policy::FileTypes types;
    (void)static_cast<bool>(types.add(entry.value));
    must(!types.type_of(text).empty());
    const auto schedule = policy::Schedule::parse(entry.value);
    if (schedule) (void)schedule->next(1'795'378'757, std::nullopt);
  }

  policy::PolicyTree tree;
  for (const policy::Watch& watch : reading.finish()) {
    must(watch.path.starts_with('/') && watch.path.find('\0') == std::string::npos);
    (void)static_cast<bool>(tree.add(watch, 0, watch.line % 3 != 0));
  }
  walk(tree);
  return 0;
}
