// Directories that the baseline or the memory has and no walk came to.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scan/paths.h"
#include "scan/walk.h"

namespace samhain::scan {

using baseline::Entry;

/// The directories come sorted, so those above come first: while one of them is under way it is not
/// known whether those below can be reached.
void Walk::order_unvisited() {
  constexpr std::size_t kAtOnce = 32;
  if (parts_.reader == nullptr) return;
  while (in_flight_ < kAtOnce && phase_ == Phase::Unvisited && order_next_unvisited()) {
  }
}

/// The first directory in the order of paths that is known from the baseline or from memory and
/// was not visited.
Result<std::optional<std::string>> Walk::next_unvisited() {
  while (next_known_ < is_visited_.size() && is_visited_[next_known_]) ++next_known_;
  while (next_remembered_ < remembered_.size() &&
         visited_remembered_.contains(remembered_[next_remembered_])) {
    ++next_remembered_;
  }
  std::optional<std::string> next;
  if (next_known_ < is_visited_.size()) {
    auto path = parts_.reader->directory_at(next_known_);
    if (!path) return path.error();
    next = *std::move(path);
  }
  if (next_remembered_ < remembered_.size() && (!next || remembered_[next_remembered_] < *next)) {
    next = remembered_[next_remembered_];
  }
  return next;
}

void Walk::pass_unvisited(const std::string& path) {
  if (next_remembered_ < remembered_.size() && remembered_[next_remembered_] == path) {
    ++next_remembered_;
  } else {
    ++next_known_;
  }
}

bool Walk::order_next_unvisited() {
  for (;;) {
    auto next = next_unvisited();
    if (!next) {
      fail(next.error());
      return false;
    }
    if (!*next || is_below_one_under_way(**next)) return false;
    const std::string path = **std::move(next);
    pass_unvisited(path);
    if (is_passed_over(path) || is_out_of_reach(path)) {
      if (!keep_all(path)) return false;
      continue;
    }
    auto known = parts_.reader->directory(path);
    if (!known) {
      fail(known.error());
      return false;
    }
    parts_.judge.memory().apply(path, *known);
    std::erase_if(*known, [&](const Entry& e) { return met_.contains(join(path, e.facts.name)); });
    if (known->empty()) continue;
    order_known(path, *std::move(known));
    return true;
  }
}

/// In a directory that is not looked at; the entries that were looked for by themselves are
/// decided.
bool Walk::keep_all(const std::string& path) {
  if (parts_.acceptance == nullptr) return true;
  auto known = parts_.reader->directory(path);
  if (!known) {
    fail(known.error());
    return false;
  }
  std::erase_if(*known, [&](const Entry& e) { return met_.contains(join(path, e.facts.name)); });
  Directory directory{.path = path, .known = *std::move(known)};
  directory.is_settled.assign(directory.known.size(), false);
  return keep_rest(directory) && finish_in_new(directory);
}

void Walk::order_known(const std::string& path, std::vector<Entry> known) {
  std::vector<Wanted> names;
  names.reserve(known.size());
  for (const Entry& entry : known) names.push_back(Wanted{.name = entry.facts.name});
  const std::uint64_t number = ++last_number_;
  const Order like{.directory = path,
                   .trusted_depth = trusted_depth_of(configured_directories_, path)};
  Directory directory{.path = path, .known = std::move(known)};
  directory.is_seen.assign(directory.known.size(), false);
  directory.is_settled.assign(directory.known.size(), false);
  directory.orders = orders_for(names.size());
  under_way_.emplace(number, std::move(directory));
  order_names(like, std::move(names),
              [this, number](Answer&& answer) { take_unvisited(number, std::move(answer)); });
}

bool Walk::is_below_one_under_way(std::string_view path) const {
  return std::ranges::any_of(
      under_way_, [path](const auto& entry) { return is_within(path, entry.second.path); });
}

/// What exists and is not configured any more is nobody's business; what is gone is told.
void Walk::take_unvisited(std::uint64_t number, Answer&& answer) {
  const auto found = under_way_.find(number);
  if (found == under_way_.end()) return;
  Directory& directory = found->second;
  for (const FileFacts& facts : answer.facts) {
    const Entry* known = find_known(directory, facts.name);
    if (known == nullptr) continue;
    directory.is_seen[static_cast<std::size_t>(known - directory.known.data())] = true;
    if (facts.failed_stage == Stage::Timeout) {
      parts_.judge.tell_directory_trouble(join(directory.path, facts.name), Stage::Timeout,
                                          facts.failed_errno);
    }
    if (is_absent(facts.failed_stage, facts.failed_errno)) {
      settle(directory, known);
      parts_.judge.tell_missing(directory.path, *known);
    }
    if (phase_ == Phase::Done) return;
  }
  if (!answer.is_last) return;
  if (is_absent(answer.failed_stage, answer.failed_errno)) {
    directory.is_gone = true;
  } else if (answer.failed_stage != Stage::None) {
    parts_.judge.tell_directory_trouble(directory.path, answer.failed_stage, answer.failed_errno);
  }
  if (--directory.orders > 0) return;
  for (std::size_t i = 0; directory.is_gone && i < directory.known.size(); ++i) {
    if (directory.is_seen[i]) continue;
    directory.is_settled[i] = true;
    parts_.judge.tell_missing(directory.path, directory.known[i]);
    if (phase_ == Phase::Done) return;
  }
  if (!keep_rest(directory) || !finish_in_new(directory)) return;
  under_way_.erase(found);
}

/// Below a directory whose content is ignored (`dir=-1/…`) the baseline is invisible, unless a
/// deeper one is watched again.
bool Walk::is_passed_over(const std::string& path) const {
  const std::string* deepest = nullptr;
  for (const std::string& top : configured_directories_) {
    if (is_within(path, top) && (deepest == nullptr || top.size() > deepest->size())) {
      deepest = &top;
    }
  }
  return deepest != nullptr && !parts_.tree.enter_root(*deepest).rule;
}

}  // namespace samhain::scan
