#include "scan/spot_check.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "scan/paths.h"

namespace samhain::scan {
namespace {

using baseline::Entry;
using policy::Attribute;

/// Directories that are asked for at the same time.
constexpr std::size_t kAtOnce = 16;

const Entry* find_known(const std::vector<Entry>& known, std::string_view name) {
  const auto name_of = [](const Entry& entry) -> std::string_view { return entry.facts.name; };
  const auto at = std::ranges::lower_bound(known, name, {}, name_of);
  return at != known.end() && at->facts.name == name ? &*at : nullptr;
}

/// The innermost configured directory that `path` lies in, without being it; empty: none.
std::string_view top_above(const std::vector<std::string>& tops, std::string_view path) {
  std::string_view deepest;
  for (const std::string& top : tops) {
    if (path != top && is_within(path, top) && top.size() > deepest.size()) deepest = top;
  }
  return deepest;
}

}  // namespace

SpotCheck::SpotCheck(Parts parts, OnUnknown on_unknown, OnDone on_done)
    : parts_(parts),
      on_unknown_(std::move(on_unknown)),
      on_done_(std::move(on_done)),
      files_(parts.tree.watched_files()),
      tops_(parts.tree.watched_directories()) {}

void SpotCheck::begin(const std::vector<std::string>& paths) {
  parts_.pool.forget_directories();
  for (const std::string& path : std::set<std::string>(paths.begin(), paths.end())) {
    Location location = locate(path);
    waiting_[location.directory].push_back(std::move(location.name));
  }
  advance();
}

void SpotCheck::stop(const Error& why) {
  parts_.pool.drop_all();
  end(why);
}

void SpotCheck::end(Result<void> result) {
  if (!std::exchange(is_done_, true)) on_done_(std::move(result));
}

void SpotCheck::advance() {
  while (!is_done_ && under_way_.size() < kAtOnce && !waiting_.empty()) {
    const auto next = waiting_.extract(waiting_.begin());
    if (!order(next.key(), next.mapped())) return;
  }
  if (!is_done_ && under_way_.empty()) end(keep_others());
}

bool SpotCheck::order(const std::string& path, const std::vector<std::string>& names) {
  auto known = parts_.reader.directory(path);
  if (!known) {
    stop(known.error());
    return false;
  }
  Directory directory{.known = *std::move(known)};
  std::vector<Wanted> wanted;
  for (const std::string& name : names) {
    if (!is_worth_asking(path, directory, name)) continue;
    directory.open.insert(name);
    wanted.push_back(wanted_of(path, directory, name));
  }
  if (wanted.empty()) return true;
  directory.orders = static_cast<unsigned>((wanted.size() + kMaxNames - 1) / kMaxNames);
  directory.trusted_depth = trusted_depth_of(tops_, path);
  submit(path, wanted, under_way_.emplace(path, std::move(directory)).first->second.trusted_depth);
  return true;
}

/// What the configuration says of an object that no walk has come to; nothing: it is not watched.
std::optional<policy::Rule> SpotCheck::rule_of(std::string_view path) const {
  const policy::PolicyTree& tree = parts_.tree;
  if (std::ranges::binary_search(files_, path) || std::ranges::binary_search(tops_, path)) {
    return tree.rule_of_root(path);
  }
  const std::string_view top = top_above(tops_, path);
  if (top.empty()) return std::nullopt;
  policy::PolicyTree::Place place = tree.enter_root(top);
  std::string_view rest = path.substr(top == "/" ? 1 : top.size() + 1);
  for (std::size_t slash = rest.find('/'); slash != std::string_view::npos;
       slash = rest.find('/')) {
    const auto next = tree.enter(place, rest.substr(0, slash));
    if (!next) return std::nullopt;
    place = *next;
    rest.remove_prefix(slash + 1);
  }
  return tree.rule_of(place, rest);
}

Wanted SpotCheck::wanted_of(const std::string& path, const Directory& directory,
                            const std::string& name) const {
  Wanted wanted{.name = name};
  const auto rule = rule_of(join(path, name));
  if (!rule) return wanted;
  wanted.attributes = rule->attributes;
  const Entry* entry = find_known(directory.known, name);
  if (rule->attributes.has(Attribute::Growing) && entry != nullptr) {
    wanted.prefix_size = entry->facts.size;
  }
  return wanted;
}

bool SpotCheck::is_worth_asking(const std::string& path, const Directory& directory,
                                const std::string& name) {
  const std::string whole = join(path, name);
  if (find_known(directory.known, name) != nullptr || rule_of(whole)) return true;
  on_unknown_(whole);
  return false;
}

void SpotCheck::submit(const std::string& path, const std::vector<Wanted>& names,
                       std::size_t trusted_depth) {
  for (std::size_t start = 0; start < names.size(); start += kMaxNames) {
    const auto first = names.begin() + static_cast<std::ptrdiff_t>(start);
    const auto count = std::min(kMaxNames, names.size() - start);
    Order what{.directory = path, .trusted_depth = trusted_depth};
    what.names.assign(first, first + static_cast<std::ptrdiff_t>(count));
    what.digest = parts_.acceptance.digests().measured.first;
    what.second_digest = parts_.acceptance.digests().measured.second;
    parts_.pool.submit(std::move(what),
                       [this, path](Answer&& answer) { take(path, std::move(answer)); });
  }
}

void SpotCheck::take(const std::string& path, Answer&& answer) {
  const auto found = under_way_.find(path);
  if (is_done_ || found == under_way_.end()) return;
  Directory& directory = found->second;
  parts_.judge.summary().bytes += answer.bytes_read;
  for (const FileFacts& facts : answer.facts) {
    if (directory.open.erase(facts.name) > 0) take_object(path, directory, facts);
  }
  if (!answer.rest.empty()) {
    ++directory.orders;
    // They come back by their names alone.
    std::vector<Wanted> rest;
    for (const Wanted& one : answer.rest) rest.push_back(wanted_of(path, directory, one.name));
    submit(path, rest, directory.trusted_depth);
  }
  if (!answer.is_last) return;
  const bool is_gone = is_absent(answer.failed_stage, answer.failed_errno);
  if (answer.failed_stage != Stage::None && !is_gone) {
    parts_.judge.tell_directory_trouble(path, answer.failed_stage, answer.failed_errno);
  }
  if (--directory.orders > 0) return;
  for (const std::string& name : directory.open) {
    if (is_gone) take_gone(path, directory, name);
  }
  under_way_.erase(found);
  advance();
}

void SpotCheck::take_object(const std::string& path, const Directory& directory,
                            const FileFacts& facts) {
  if (is_absent(facts.failed_stage, facts.failed_errno)) {
    return take_gone(path, directory, facts.name);
  }
  ++parts_.judge.summary().files;
  const std::string whole = join(path, facts.name);
  const auto rule = rule_of(whole);
  if (!rule) return on_unknown_(whole);  // there, as before, but nobody's business any more
  if (facts.failed_stage != Stage::None) parts_.judge.tell_trouble(whole, facts, *rule);
  if (facts.mode == 0) return;
  parts_.judge.judge(path, find_known(directory.known, facts.name), facts, *rule);
  settled_.insert(whole);
}

void SpotCheck::take_gone(const std::string& path, const Directory& directory,
                          std::string_view name) {
  const Entry* known = find_known(directory.known, name);
  if (known == nullptr) return on_unknown_(join(path, name));
  parts_.judge.tell_missing(path, *known);
  settled_.insert(join(path, name));
}

/// Everything else goes from the old baseline into the new one, directory by directory.
Result<void> SpotCheck::keep_others() {
  for (std::uint64_t i = 0; i < parts_.reader.directory_count(); ++i) {
    const auto path = parts_.reader.directory_at(i);
    if (!path) return path.error();
    const auto entries = parts_.reader.directory(*path);
    if (!entries) return entries.error();
    for (const Entry& entry : *entries) {
      if (settled_.contains(join(*path, entry.facts.name))) continue;
      parts_.acceptance.keep(*path, entry);
    }
    if (auto done = parts_.writer.finish_directory(*path); !done) return done;
  }
  return parts_.acceptance.status();
}

}  // namespace samhain::scan
