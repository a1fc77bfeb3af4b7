#include "scan/verification.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "scan/paths.h"

namespace samhain::scan {
namespace {

using baseline::Entry;

/// Directories asked for at once.
constexpr std::size_t kAtOnce = 32;

policy::Rule rule_of(const Entry& entry) {
  const bool has_policy = entry.policy >= 1 && entry.policy <= policy::kNames.size();
  const auto name = has_policy ? static_cast<policy::Name>(entry.policy) : policy::Name::ReadOnly;
  const std::uint32_t bits = entry.attributes & ~baseline::kImported;
  // IgnoreAll has no bits either: that the object is there is enough.
  const bool says_nothing = bits == 0 && !has_policy;
  return {name, says_nothing ? policy::attributes_of(policy::Name::ReadOnly)
                             : policy::AttributeSet(bits)};
}

Wanted wanted_of(const Entry& entry) {
  Wanted wanted{.name = entry.facts.name, .attributes = rule_of(entry).attributes};
  if (wanted.attributes.has(policy::Attribute::Growing)) wanted.prefix_size = entry.facts.size;
  return wanted;
}

}  // namespace

Verification::Verification(MeasurerPool& pool, baseline::Reader& reader, Judge& judge,
                           OnDone on_done)
    : pool_(pool), reader_(reader), judge_(judge), on_done_(std::move(on_done)) {}

void Verification::begin() {
  pool_.forget_directories();
  advance();
}

void Verification::advance() {
  while (!is_done_ && in_flight_ < kAtOnce && next_ < reader_.directory_count()) {
    if (auto ordered = order_next(); !ordered) {
      is_done_ = true;
      pool_.drop_all();
      return on_done_(ordered.error());
    }
  }
  if (is_done_ || in_flight_ > 0) return;
  is_done_ = true;
  on_done_({});
}

Result<void> Verification::order_next() {
  const std::uint64_t number = next_++;
  auto path = reader_.directory_at(number);
  if (!path) return path.error();
  auto known = reader_.directory(*path);
  if (!known) return known.error();
  if (known->empty()) return {};
  Directory directory;
  directory.path = *std::move(path);
  directory.known = *std::move(known);
  directory.is_seen.assign(directory.known.size(), false);
  std::vector<Wanted> names;
  std::ranges::transform(directory.known, std::back_inserter(names), wanted_of);
  under_way_.emplace(number, std::move(directory));
  ++in_flight_;
  order_names(number, std::move(names));
  return {};
}

void Verification::order_names(std::uint64_t number, std::vector<Wanted> names) {
  Directory& directory = under_way_.at(number);
  const baseline::Digests digests = usable(reader_.about().digests);
  for (std::size_t start = 0; start < names.size(); start += kMaxNames) {
    // Nobody said which of the parents may be symlinks: as the paths stand, all may.
    Order part{.directory = directory.path, .trusted_depth = depth_of(directory.path)};
    part.digest = digests.first;
    part.second_digest = digests.second;
    const auto first = names.begin() + static_cast<std::ptrdiff_t>(start);
    const std::size_t count = std::min(kMaxNames, names.size() - start);
    part.names.assign(std::make_move_iterator(first),
                      std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
    ++directory.orders;
    pool_.submit(std::move(part),
                 [this, number](Answer&& answer) { take(number, std::move(answer)); });
  }
}

void Verification::take(std::uint64_t number, Answer&& answer) {
  Directory& directory = under_way_.at(number);
  for (const FileFacts& facts : answer.facts) take_object(directory, facts);
  if (!answer.rest.empty()) order_names(number, std::move(answer.rest));
  if (!answer.is_last) return;
  if (answer.failed_stage != Stage::None) {
    directory.failed_stage = answer.failed_stage;
    directory.failed_errno = answer.failed_errno;
  }
  if (--directory.orders == 0) finish(number);
}

void Verification::take_object(Directory& directory, const FileFacts& facts) {
  const auto at = std::ranges::lower_bound(
      directory.known, facts.name, {},
      [](const Entry& entry) -> const std::string& { return entry.facts.name; });
  if (at == directory.known.end() || at->facts.name != facts.name) return;
  directory.is_seen[static_cast<std::size_t>(at - directory.known.begin())] = true;
  if (is_absent(facts.failed_stage, facts.failed_errno)) {
    return tell_absent(directory.path, *at, facts.failed_errno);
  }
  const policy::Rule rule = rule_of(*at);
  if (facts.failed_stage != Stage::None) {
    judge_.tell_trouble(join(directory.path, facts.name), facts, rule);
  }
  if (facts.mode != 0) judge_.judge(directory.path, &*at, facts, rule);
}

void Verification::tell_absent(const std::string& directory, const Entry& known, int sys_errno) {
  FileFacts facts;
  facts.failed_stage = Stage::Lstat;
  facts.failed_errno = sys_errno;
  judge_.tell_trouble(join(directory, known.facts.name), facts, rule_of(known));
  judge_.tell_missing(directory, known);
}

void Verification::finish(std::uint64_t number) {
  const Directory directory = std::move(under_way_.at(number));
  under_way_.erase(number);
  --in_flight_;
  const bool is_gone = is_absent(directory.failed_stage, directory.failed_errno);
  if (directory.failed_stage != Stage::None && !is_gone) {
    judge_.tell_directory_trouble(directory.path, directory.failed_stage, directory.failed_errno);
  }
  for (std::size_t i = 0; is_gone && i < directory.known.size(); ++i) {
    if (!directory.is_seen[i])
      tell_absent(directory.path, directory.known[i], directory.failed_errno);
  }
  advance();
}

}  // namespace samhain::scan
