#include <algorithm>
#include <utility>

#include "base/text.h"
#include "policy/policy.h"

namespace samhain::policy {

/// A path that has a watch, or leads to one.
struct PolicyTree::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  std::optional<Rule> file;
  std::optional<Rule> directory;
  int depth = 0;  ///< of `directory`; -1: not even its entries
  bool is_file_due = true;
  bool is_directory_due = true;

  bool is_configured() const { return file.has_value() || directory.has_value(); }
  bool has_due_directory() const { return directory.has_value() && is_directory_due; }
  bool is_due() const { return (file.has_value() && is_file_due) || has_due_directory(); }
  const Node* child(std::string_view name) const {
    const auto found = children.find(name);
    return found == children.end() ? nullptr : found->second.get();
  }
  const std::optional<Rule>& own_rule() const { return file ? file : directory; }
};

namespace {

using Node = PolicyTree::Node;
using Place = PolicyTree::Place;

const Node* find(const Node& root, std::string_view path) {
  const Node* node = &root;
  for (const std::string_view part : base::split(path, "/")) {
    node = node->child(part);
    if (node == nullptr) return nullptr;
  }
  return node;
}

/// The node where it still matters: a walk below one without children needs no look-ups.
const Node* if_specific(const Node* node) {
  return node != nullptr && !node->children.empty() ? node : nullptr;
}

/// The content of a directory that has its own `dir=`.
Place own_place(const Node& node) {
  if (node.depth < 0 || !node.is_directory_due) return Place{if_specific(&node), std::nullopt, 0};
  return Place{if_specific(&node), node.directory, node.depth};
}

/// Calls `visit(path, node, place)` for every node, `place` being that of the directory it lies in.
template <class Visit>
void for_each(const Node& root, Visit visit) {
  struct Step {
    std::string path;
    const Node* node;
    Place place;  ///< of the directory that holds the node
  };
  std::vector<Step> steps{Step{"", &root, Place{}}};
  while (!steps.empty()) {
    Step step = std::move(steps.back());
    steps.pop_back();
    visit(step.path.empty() ? "/" : step.path, *step.node, step.place);
    Place content;
    if (step.node->directory) {
      content = own_place(*step.node);
    } else if (step.place.rule && step.place.levels > 0) {
      content = Place{step.node, step.place.rule, step.place.levels - 1};
    }
    for (const auto& [name, child] : step.node->children) {
      steps.push_back(Step{step.path + "/" + name, child.get(), content});
    }
  }
}

template <class Wanted>
std::vector<std::string> paths_of(const Node& root, Wanted is_wanted) {
  std::vector<std::string> paths;
  for_each(root, [&](const std::string& path, const Node& node, const Place&) {
    if (is_wanted(node)) paths.push_back(path);
  });
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

PolicyTree::PolicyTree() : root_(std::make_unique<Node>()) {}
PolicyTree::~PolicyTree() = default;
PolicyTree::PolicyTree(PolicyTree&&) noexcept = default;
PolicyTree& PolicyTree::operator=(PolicyTree&&) noexcept = default;

Result<void> PolicyTree::add(const Watch& watch, int default_depth, bool is_due) {
  Node* node = root_.get();
  for (const std::string_view part : base::split(watch.path, "/")) {
    std::unique_ptr<Node>& child = node->children[std::string{part}];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  std::optional<Rule>& rule = watch.is_directory ? node->directory : node->file;
  if (rule) {
    return Error{Error::Kind::Busy,
                 "File or directory appears twice in configuration; the first one counts"};
  }
  rule = Rule{watch.policy, watch.attributes.value_or(attributes_of(watch.policy))};
  (watch.is_directory ? node->is_directory_due : node->is_file_due) = is_due;
  if (watch.is_directory) node->depth = watch.depth.value_or(default_depth);
  return {};
}

std::vector<PolicyTree::Root> PolicyTree::roots() const {
  std::vector<Root> roots;
  for_each(*root_, [&](const std::string& path, const Node& node, const Place& place) {
    const bool is_met = place.rule.has_value();
    if (node.is_due() && !is_met) roots.push_back(Root{path, node.has_due_directory()});
  });
  std::sort(roots.begin(), roots.end(),
            [](const Root& a, const Root& b) { return a.path < b.path; });
  return roots;
}

PolicyTree::Place PolicyTree::enter_root(std::string_view path) const {
  const Node* node = find(*root_, path);
  return node != nullptr && node->directory ? own_place(*node) : Place{};
}

std::optional<Rule> PolicyTree::rule_of_root(std::string_view path) const {
  const Node* node = find(*root_, path);
  return node != nullptr ? node->own_rule() : std::nullopt;
}

std::optional<Rule> PolicyTree::rule_of(const Place& place, std::string_view name) const {
  if (place.node == nullptr) return place.rule;
  const Node* child = place.node->child(name);
  return child != nullptr && child->is_configured() ? child->own_rule() : place.rule;
}

std::vector<PolicyTree::Named> PolicyTree::named_entries(const Place& place) const {
  std::vector<Named> named;
  if (place.node == nullptr) return named;
  for (const auto& [name, child] : place.node->children) {
    if (const auto& rule = child->own_rule()) named.push_back(Named{name, *rule});
  }
  return named;
}

std::optional<PolicyTree::Place> PolicyTree::enter(const Place& place,
                                                   std::string_view name) const {
  const Node* child = place.node != nullptr ? place.node->child(name) : nullptr;
  if (child != nullptr && child->directory) {
    const Place content = own_place(*child);
    return content.rule ? std::optional{content} : std::nullopt;
  }
  if (!place.rule || place.levels <= 0) return std::nullopt;
  return Place{if_specific(child), place.rule, place.levels - 1};
}

bool PolicyTree::is_configured(const Place& place, std::string_view name) const {
  const Node* child = place.node != nullptr ? place.node->child(name) : nullptr;
  return child != nullptr && child->is_configured();
}

bool PolicyTree::is_empty() const { return root_->children.empty() && !root_->is_configured(); }

std::vector<std::string> PolicyTree::watched_directories() const {
  return paths_of(*root_, [](const Node& node) { return node.directory.has_value(); });
}

std::vector<std::string> PolicyTree::watched_files() const {
  return paths_of(*root_, [](const Node& node) { return node.file.has_value(); });
}

std::vector<FixedParent> find_fixed_parents(const PolicyTree& tree) {
  const auto directories = tree.watched_directories();
  std::vector<FixedParent> found;
  for (std::string& file : tree.watched_files()) {
    const auto rule = tree.rule_of_root(file);
    if (!rule || rule->policy == Name::ReadOnly || rule->policy == Name::IgnoreNone) continue;
    const std::size_t slash = file.rfind('/');
    std::string parent = slash == 0 ? "/" : file.substr(0, slash);
    if (file == "/" || !std::binary_search(directories.begin(), directories.end(), parent))
      continue;
    const auto own = tree.rule_of_root(parent);
    const bool is_fixed =
        own && (own->attributes.has(Attribute::Mtime) || own->attributes.has(Attribute::Ctime) ||
                own->attributes.has(Attribute::Atime));
    if (is_fixed) found.push_back({std::move(parent), std::move(file)});
  }
  return found;
}

std::vector<std::string> PolicyTree::resting() const {
  return paths_of(*root_, [](const Node& node) { return node.is_configured() && !node.is_due(); });
}

}  // namespace samhain::policy
