#include "scan/walk.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "scan/paths.h"

namespace samhain::scan {
namespace {

using baseline::Entry;
using policy::Attribute;
using policy::AttributeSet;

std::string_view name_of(const Entry& entry) { return entry.facts.name; }

}  // namespace

Walk::Walk(Parts parts, OnDone on_done) : parts_(parts), on_done_(std::move(on_done)) {
  if (parts_.resume == nullptr) return;
  subtrees_.emplace(*parts_.resume, [this](const std::string& path) { return is_whole(path); });
}

void Walk::begin() {
  parts_.pool.forget_directories();
  configured_directories_ = parts_.tree.watched_directories();
  // Not looked for, not even if no walk meets them.
  for (std::string& path : parts_.tree.resting()) met_.insert(std::move(path));
  if (parts_.reader != nullptr) {
    is_visited_.assign(parts_.reader->directory_count(), false);
    remembered_ = parts_.reader->added_directories();
    for (std::string& path : parts_.judge.memory().directories()) {
      const auto number = parts_.reader->number_of(path);
      if (!number) return fail(number.error());
      if (!*number) remembered_.push_back(std::move(path));
    }
    std::ranges::sort(remembered_);
    remembered_.erase(std::unique(remembered_.begin(), remembered_.end()), remembered_.end());
  }
  is_starting_ = true;
  // The pool takes the last one first.
  auto roots = parts_.tree.roots();
  for (auto root = roots.rbegin(); root != roots.rend(); ++root) {
    order_root(root->path, root->is_directory);
  }
  is_starting_ = false;
  advance();
}

void Walk::stop(const Error& why) { fail(why); }

void Walk::fail(const Error& error) {
  if (phase_ == Phase::Done) return;
  phase_ = Phase::Done;
  parts_.pool.drop_all();
  on_done_(error);
}

void Walk::order(Order what, MeasurerPool::OnAnswer on_answer) {
  ++in_flight_;
  what.digest = parts_.digests.first;
  what.second_digest = parts_.digests.second;
  std::string directory = what.directory;
  parts_.pool.submit(std::move(what), [this, directory = std::move(directory),
                                       call = std::move(on_answer)](Answer&& answer) {
    const bool is_last = answer.is_last;
    parts_.judge.summary().bytes += answer.bytes_read;
    note_hung(directory, answer);
    for (const Remark& remark : answer.remarks) parts_.judge.tell_remark(directory, remark);
    call(std::move(answer));
    if (!is_last || phase_ == Phase::Done) return;
    --in_flight_;
    advance();
  });
}

unsigned Walk::orders_for(std::size_t names) {
  return static_cast<unsigned>((names + kMaxNames - 1) / kMaxNames);
}

void Walk::order_names(const Order& like, std::vector<Wanted> names,
                       const MeasurerPool::OnAnswer& on_answer) {
  for (std::size_t start = 0; start < names.size(); start += kMaxNames) {
    const auto first = names.begin() + static_cast<std::ptrdiff_t>(start);
    const auto count = std::min(kMaxNames, names.size() - start);
    Order part = like;
    part.lists = false;
    part.names.assign(std::make_move_iterator(first),
                      std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
    order(std::move(part), on_answer);
  }
}

void Walk::note_hung(const std::string& directory, const Answer& answer) {
  if (answer.failed_stage == Stage::Timeout) hung_.push_back(directory);
  for (const FileFacts& facts : answer.facts) {
    if (facts.failed_stage == Stage::Timeout) hung_.push_back(join(directory, facts.name));
  }
}

/// A dead file system hangs each measurer that touches it for the whole deadline: once is enough.
bool Walk::is_out_of_reach(std::string_view path) const {
  return std::ranges::any_of(hung_,
                             [path](const std::string& top) { return is_within(path, top); });
}

/// The next step of the walk, when nothing is under way any more.
void Walk::advance() {
  if (is_starting_ || phase_ == Phase::Done) return;
  if (phase_ == Phase::Roots && in_flight_ == 0) {
    phase_ = Phase::Leftovers;
    gather_leftovers();
  }
  if (phase_ == Phase::Leftovers && in_flight_ == 0 && !order_next_leftover()) {
    phase_ = Phase::Unvisited;
  }
  if (phase_ == Phase::Unvisited) order_unvisited();
  if (phase_ == Phase::Unvisited && in_flight_ == 0) {
    if (parts_.acceptance != nullptr && !parts_.acceptance->status()) {
      return fail(parts_.acceptance->status().error());
    }
    phase_ = Phase::Done;
    on_done_({});
  }
}

/// The numbers of the baseline's directories below `path`: from the first to before the second.
Result<std::pair<std::uint64_t, std::uint64_t>> Walk::range_below(const std::string& path) {
  const std::string prefix = path == "/" ? path : path + "/";
  std::string end = prefix;
  end.back() = '/' + 1;
  const auto from = lower_bound(prefix);
  if (!from) return from.error();
  const auto to = lower_bound(end);
  if (!to) return to.error();
  return std::pair{*from, *to};
}

/// The number of the first directory of the baseline that does not come before `path`.
Result<std::uint64_t> Walk::lower_bound(const std::string& path) {
  std::uint64_t low = 0;
  std::uint64_t high = is_visited_.size();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto found = parts_.reader->directory_at(middle);
    if (!found) return found.error();
    if (*found < path) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Nothing below it is left for order_unvisited().  A baseline that cannot be read fails the walk
/// elsewhere.
bool Walk::is_whole(const std::string& path) {
  const auto range = range_below(path);
  if (!range) return false;
  for (std::uint64_t i = range->first; i < range->second; ++i) {
    if (is_visited_[static_cast<std::size_t>(i)]) continue;
    const auto directory = parts_.reader->directory_at(i);
    if (!directory || !is_passed_over(*directory)) return false;
  }
  return std::ranges::none_of(remembered_, [&](const std::string& directory) {
    return is_within(directory, path) && !visited_remembered_.contains(directory);
  });
}

/// A directory that was done before the restart.
bool Walk::passes_over(const std::string& path, const std::string& parent) {
  if (!subtrees_ || parts_.resume->find_done(path) == nullptr) return false;
  const auto range = range_below(path);
  if (!range || !note_visited(path) || !subtrees_->passes_over(path, parent)) return false;
  const std::uint64_t files = *parts_.resume->find_done(path);
  parts_.judge.summary().files += files;
  parts_.judge.summary().skipped += files;
  std::fill(is_visited_.begin() + static_cast<std::ptrdiff_t>(range->first),
            is_visited_.begin() + static_cast<std::ptrdiff_t>(range->second), true);
  return true;
}

/// False if the baseline cannot be read, which ends the walk.
bool Walk::note_visited(const std::string& path) {
  const auto number = parts_.reader->number_of(path);
  if (!number) {
    fail(number.error());
    return false;
  }
  if (*number) is_visited_[static_cast<std::size_t>(**number)] = true;
  if (!*number) visited_remembered_.insert(path);
  return true;
}

void Walk::order_directory(std::string path, const policy::PolicyTree::Place& place,
                           std::size_t trusted_depth, const FileFacts& facts,
                           const std::string& parent) {
  if (passes_over(path, parent) || phase_ == Phase::Done) return;
  if (subtrees_) subtrees_->open(path, parent);
  const std::uint64_t number = ++last_number_;
  Order what{.directory = path, .trusted_depth = trusted_depth, .lists = true};
  if (place.rule) what.attributes = place.rule->attributes;
  Directory directory{.path = std::move(path),
                      .place = place,
                      .trusted_depth = trusted_depth,
                      .links = facts.links,
                      .device = facts.device};
  auto named = parts_.tree.named_entries(place);
  // Too many rules for one message: find out what is there, then order each by its own rule.
  directory.is_only_listed = named.size() > kMaxNames;
  if (directory.is_only_listed) {
    what.attributes = {};
    named.clear();
  }
  for (const auto& entry : named) {
    what.names.push_back(Wanted{.name = entry.name, .attributes = entry.rule.attributes});
  }
  if (parts_.reader != nullptr) {
    // A growing log is digested by an order of its own, which says how long it was.
    const auto leave_logs = [](AttributeSet& attributes) {
      if (attributes.has(Attribute::Growing)) attributes.remove(Attribute::Checksum);
    };
    leave_logs(what.attributes);
    for (Wanted& wanted : what.names) leave_logs(wanted.attributes);
  }
  directory.orders = 1;
  under_way_.emplace(number, std::move(directory));
  order(std::move(what),
        [this, number](Answer&& answer) { take_listed(number, false, std::move(answer)); });
}

/// Names in a directory under way, each measured by its own rule.
void Walk::order_in(std::uint64_t number, std::vector<Wanted> names) {
  Directory& directory = under_way_.at(number);
  std::erase_if(names, [&](Wanted& wanted) {
    const auto rule = parts_.tree.rule_of(directory.place, wanted.name);
    if (rule) wanted.attributes = rule->attributes;
    if (rule && wanted.attributes.has(Attribute::Growing)) {
      const Entry* known = find_known(directory, wanted.name);
      wanted.prefix_size = known != nullptr ? known->facts.size : 0;
    }
    return !rule;
  });
  directory.orders += orders_for(names.size());
  const Order like{.directory = directory.path, .trusted_depth = directory.trusted_depth};
  order_names(like, std::move(names),
              [this, number](Answer&& answer) { take_listed(number, true, std::move(answer)); });
}

bool Walk::load(Directory& directory) {
  directory.is_loaded = true;
  parts_.judge.tell_step(directory.path);
  ++parts_.judge.summary().directories;
  if (parts_.reader == nullptr) return true;
  auto known = parts_.reader->directory(directory.path);
  if (!known) {
    fail(known.error());
    return false;
  }
  directory.known = *std::move(known);
  parts_.judge.memory().apply(directory.path, directory.known);
  directory.is_seen.assign(directory.known.size(), false);
  directory.is_settled.assign(directory.known.size(), false);
  return note_visited(directory.path);
}

void Walk::take_listed(std::uint64_t number, bool is_second, Answer&& answer) {
  const auto found = under_way_.find(number);
  if (found == under_way_.end()) return;
  // The map does not move its values; taking an object may add directories to it.
  Directory& directory = found->second;
  if (!directory.is_loaded && !load(directory)) return;
  for (FileFacts& facts : answer.facts) {
    take_object(directory, is_second, facts);
    if (phase_ == Phase::Done) return;
  }
  if (!answer.rest.empty()) order_in(number, std::move(answer.rest));
  if (!directory.again.empty()) order_in(number, std::exchange(directory.again, {}));
  if (!answer.is_last) return;
  if (answer.failed_stage != Stage::None && !is_absent(answer.failed_stage, answer.failed_errno)) {
    directory.has_failed = true;
    parts_.judge.tell_directory_trouble(directory.path, answer.failed_stage, answer.failed_errno);
  }
  if (--directory.orders == 0) finish(number);
}

const Entry* Walk::find_known(const Directory& directory, std::string_view name) {
  const auto at = std::ranges::lower_bound(directory.known, name, {}, name_of);
  return at != directory.known.end() && name_of(*at) == name ? &*at : nullptr;
}

bool Walk::is_measured_again(const Directory& directory, const policy::Rule& rule,
                             const FileFacts& facts) const {
  if (facts.failed_stage != Stage::None || has_no_facts(facts)) return false;
  const bool is_log =
      parts_.reader != nullptr && rule.attributes.has(Attribute::Growing) && S_ISREG(facts.mode);
  return is_log || directory.is_only_listed;
}

void Walk::take_object(Directory& directory, bool is_second, FileFacts& facts) {
  if (is_absent(facts.failed_stage, facts.failed_errno)) return;  // gone since it was listed
  const Entry* known = find_known(directory, facts.name);
  if (known != nullptr) {
    directory.is_seen[static_cast<std::size_t>(known - directory.known.data())] = true;
  }
  const auto rule = parts_.tree.rule_of(directory.place, facts.name);
  if (!rule) return;
  if (!is_second && is_measured_again(directory, *rule, facts)) {
    directory.again.push_back(
        Wanted{.name = facts.name, .type = static_cast<std::uint8_t>(IFTODT(facts.mode))});
    return;
  }
  directory.counts.add(facts);
  if (parts_.tree.is_configured(directory.place, facts.name)) {
    std::string path = join(directory.path, facts.name);
    const bool is_wanted = std::ranges::binary_search(configured_directories_, path);
    const Judge::Configured root{.path = path, .is_directory = is_wanted, .rule = *rule};
    met_.insert(std::move(path));
    if (is_wanted && !has_no_facts(facts) && !S_ISDIR(facts.mode)) {
      settle(directory, known);
      return parts_.judge.tell_no_directory(
          root, known != nullptr ? std::optional(*known) : std::nullopt);
    }
    if (parts_.judge.tell_if_back(root, facts)) return enter(directory, facts);
  }
  if (take(directory.path, directory.trusted_depth, known, facts, *rule)) {
    settle(directory, known);
  }
  enter(directory, facts);
}

void Walk::enter(const Directory& directory, const FileFacts& facts) {
  if (!S_ISDIR(facts.mode) || phase_ == Phase::Done) return;
  const auto place = parts_.tree.enter(directory.place, facts.name);
  if (!place) return;
  order_directory(join(directory.path, facts.name), *place, directory.trusted_depth, facts,
                  directory.path);
}

void Walk::finish(std::uint64_t number) {
  const auto found = under_way_.find(number);
  Directory& directory = found->second;
  judge_counts(directory);
  for (std::size_t i = 0; i < directory.known.size(); ++i) {
    if (directory.is_seen[i]) continue;
    // A configured path is looked for by itself, and told of in its own words.
    const bool is_configured =
        parts_.tree.is_configured(directory.place, name_of(directory.known[i]));
    if (!is_configured && directory.has_failed) continue;
    directory.is_settled[i] = true;
    if (is_configured) continue;
    parts_.judge.tell_missing(directory.path, directory.known[i]);
    if (phase_ == Phase::Done) return;
  }
  if (subtrees_ && directory.has_failed) subtrees_->fail(directory.path);
  if (subtrees_) subtrees_->close(directory.path);
  if (!keep_rest(directory) || !finish_in_new(directory)) return;
  under_way_.erase(found);
}

/// What an update makes of `known`, an entry of the directory or null, is decided.
void Walk::settle(Directory& directory, const Entry* known) {
  if (known == nullptr) return;
  directory.is_settled[static_cast<std::size_t>(known - directory.known.data())] = true;
}

/// What nothing was decided about stays in the baseline as it is.
bool Walk::keep_rest(const Directory& directory) {
  if (parts_.acceptance == nullptr) return true;
  for (std::size_t i = 0; i < directory.known.size(); ++i) {
    if (!directory.is_settled[i]) parts_.acceptance->keep(directory.path, directory.known[i]);
  }
  if (parts_.acceptance->status()) return true;
  fail(parts_.acceptance->status().error());
  return false;
}

bool Walk::finish_in_new(const Directory& directory) {
  if (parts_.writer == nullptr) return true;
  auto done = parts_.writer->finish_directory(directory.path);
  if (!done) fail(done.error());
  return static_cast<bool>(done);
}

bool Walk::take(const std::string& directory, std::size_t trusted_depth, const Entry* known,
                const FileFacts& facts, const policy::Rule& rule) {
  ++parts_.judge.summary().files;
  if (subtrees_) subtrees_->count(directory);
  if (facts.failed_stage != Stage::None) {
    parts_.judge.tell_trouble(join(directory, facts.name), facts, rule);
  }
  if (has_no_facts(facts)) return false;
  parts_.judge.look_at(directory, facts, rule);
  if (parts_.reader == nullptr) {
    auto added = parts_.writer->add(directory, parts_.judge.entry_of(facts, rule));
    if (!added) fail(added.error());
    return true;
  }
  if (known != nullptr && search_rotated(directory, trusted_depth, *known, facts, rule)) {
    return true;
  }
  parts_.judge.judge(directory, known, facts, rule);
  return true;
}

/// A log whose beginning changed was perhaps rotated: then the old one lies in the same directory,
/// by its inode, with the old content as its beginning, and neither content nor inode is told.
/// True if that is being found out.
bool Walk::search_rotated(const std::string& directory, std::size_t trusted_depth,
                          const Entry& known, const FileFacts& facts, const policy::Rule& rule) {
  if (!rule.attributes.has(Attribute::Growing) || known.facts.inode == facts.inode) return false;
  if (!S_ISREG(facts.mode) || !known.facts.digest || facts.failed_stage != Stage::None) {
    return false;
  }
  if (parts_.judge.ignores_changes(directory, facts.name)) return false;
  const AttributeSet differing = parts_.judge.differing(known, facts, rule);
  if (!differing.has(Attribute::Checksum) && !differing.has(Attribute::Inode)) return false;

  Order what{.directory = directory, .trusted_depth = trusted_depth};
  what.attributes.add(Attribute::Checksum);
  what.attributes.add(Attribute::Growing);
  what.inode = known.facts.inode;
  what.prefix_size = known.facts.size;
  if (subtrees_) subtrees_->hold(directory);
  order(std::move(what), [this, directory, known, facts, rule, differing,
                          is_found = false](Answer&& answer) mutable {
    for (const FileFacts& old : answer.facts) {
      const bool is_same_file = old.inode == known.facts.inode && old.size >= known.facts.size;
      const bool is_empty = known.facts.size == 0;
      if (is_same_file && (is_empty || old.prefix_digest == known.facts.digest)) is_found = true;
    }
    if (!answer.is_last) return;
    if (is_found) {
      parts_.judge.accept_rotated(directory, known, facts, rule);
    } else {
      parts_.judge.tell_changed(directory, known, facts, rule, differing);
    }
    if (subtrees_) subtrees_->release(directory);
  });
  return true;
}

}  // namespace samhain::scan
