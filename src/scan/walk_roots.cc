// Configured paths: where a walk begins, and those that no walk met.

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "scan/paths.h"
#include "scan/walk.h"

namespace samhain::scan {

using baseline::Entry;
using policy::Attribute;

void Walk::order_root(const std::string& path, bool is_directory) {
  const auto rule = parts_.tree.rule_of_root(path);
  if (!rule) return;
  met_.insert(path);
  const Location location = locate(path);
  Wanted wanted{.name = location.name, .attributes = rule->attributes};
  if (rule->attributes.has(Attribute::Growing)) {
    const auto known = known_root(path);
    if (phase_ == Phase::Done) return;
    wanted.prefix_size = known ? known->facts.size : 0;
  }
  const Judge::Configured root{.path = path, .is_directory = is_directory, .rule = *rule};
  if (is_out_of_reach(path)) {
    FileFacts facts;
    facts.name = location.name;
    facts.failed_stage = Stage::Timeout;
    return take_root_facts(root, facts);
  }
  Order what{.directory = location.directory, .trusted_depth = depth_of(location.directory)};
  what.names.push_back(std::move(wanted));
  order(std::move(what), [this, root](Answer&& answer) { take_root(root, std::move(answer)); });
}

std::optional<Entry> Walk::known_root(const std::string& path) {
  if (parts_.reader == nullptr) return std::nullopt;
  const Location location = locate(path);
  auto known = parts_.reader->find(location.directory, location.name);
  if (!known) {
    fail(known.error());
    return std::nullopt;
  }
  parts_.judge.memory().apply(location.directory, location.name, *known);
  return *std::move(known);
}

void Walk::take_root(const Judge::Configured& root, Answer&& answer) {
  for (const FileFacts& facts : answer.facts) {
    take_root_facts(root, facts);
    if (phase_ == Phase::Done) return;
  }
  if (answer.failed_stage == Stage::None) return;
  FileFacts facts;  // its directory could not even be opened
  facts.name = locate(root.path).name;
  facts.failed_stage = answer.failed_stage == Stage::Timeout ? Stage::Timeout : Stage::Lstat;
  facts.failed_errno = answer.failed_errno;
  take_root_facts(root, facts);
}

void Walk::take_root_facts(const Judge::Configured& root, const FileFacts& facts) {
  const Location location = locate(root.path);
  if (facts.name != location.name) return;
  const auto known = known_root(root.path);
  if (phase_ == Phase::Done) return;
  if (is_absent(facts.failed_stage, facts.failed_errno)) {
    return parts_.judge.tell_absent(root, known);
  }
  if (has_no_facts(facts)) {
    if (known && parts_.acceptance != nullptr) parts_.acceptance->keep(location.directory, *known);
    return parts_.judge.tell_trouble(root.path, facts, root.rule);
  }
  if (root.is_directory && !S_ISDIR(facts.mode)) {
    return parts_.judge.tell_no_directory(root, known);
  }
  if (!root.is_directory) parts_.judge.tell_step(root.path);
  if (!parts_.judge.tell_if_back(root, facts)) {
    (void)take(location.directory, depth_of(location.directory), known ? &*known : nullptr, facts,
               root.rule);
  }
  if (!root.is_directory || phase_ == Phase::Done) return;
  const auto place = parts_.tree.enter_root(root.path);
  const std::size_t depth = depth_of(root.path);
  if (place.rule) order_directory(root.path, place, depth == 0 ? 0 : depth - 1, facts, {});
}

void Walk::gather_leftovers() {
  for (const std::string& path : parts_.tree.watched_files()) {
    if (!met_.contains(path)) leftovers_.push_back({path, false});
  }
  for (const std::string& path : configured_directories_) {
    if (!met_.contains(path)) leftovers_.push_back({path, true});
  }
  std::ranges::sort(
      leftovers_, std::ranges::greater{},
      [](const policy::PolicyTree::Root& root) -> const std::string& { return root.path; });
}

/// One at a time: the walk of one may meet the next.
bool Walk::order_next_leftover() {
  while (!leftovers_.empty()) {
    const policy::PolicyTree::Root root = std::move(leftovers_.back());
    leftovers_.pop_back();
    if (met_.contains(root.path)) continue;
    const bool is_directory = std::ranges::binary_search(configured_directories_, root.path);
    order_root(root.path, is_directory);
    if (in_flight_ > 0 || phase_ == Phase::Done) return true;
  }
  return false;
}

}  // namespace samhain::scan
