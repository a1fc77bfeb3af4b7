// The walk against the rules of precedence as samhainrc(5) has them, on random watches.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <vector>

#include "policy/policy.h"

namespace samhain::policy {
namespace {

using Random = std::mt19937;

int below(Random& random, int limit) {
  return static_cast<int>(random() % static_cast<unsigned>(limit));
}

/// A path of up to `longest` components out of three names: "/" or "/a/ab/b".
std::string random_path(Random& random, int longest) {
  static constexpr std::array kParts = {"/a", "/b", "/ab"};
  std::string path;
  for (int i = below(random, longest + 1); i > 0; --i) {
    path += kParts[static_cast<std::size_t>(below(random, 3))];
  }
  return path.empty() ? "/" : path;
}

/// The directory that holds `path`; of "/" nothing.
std::string parent_of(const std::string& path) {
  if (path == "/") return {};
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The rules, word for word: every path is judged alone, from the list of lines.
class Reference {
 public:
  void add(const Watch& watch) {
    (watch.is_directory ? directories_ : files_).emplace(watch.path, watch);
  }
  std::optional<Name> policy_of(const std::string& path) const {
    if (const auto exact = files_.find(path); exact != files_.end()) return exact->second.policy;
    int distance = 0;
    for (std::string at = path; !at.empty(); at = parent_of(at), ++distance) {
      const auto line = directories_.find(at);
      if (line == directories_.end()) continue;
      // Depth 0 reaches the directory and its entries, each level one further.
      if (distance > *line->second.depth + 1) return std::nullopt;
      return line->second.policy;
    }
    return std::nullopt;
  }

 private:
  std::map<std::string, Watch> files_;
  std::map<std::string, Watch> directories_;
};

constexpr int kLongest = 6;

/// Every path of the little world below `path`.
void all_paths(std::vector<std::string>& paths) {
  paths.emplace_back("/");
  std::size_t begin = 0;
  for (int level = 0; level < kLongest; ++level) {
    const std::size_t end = paths.size();
    for (; begin < end; ++begin) {
      const std::string base = paths[begin] == "/" ? "" : paths[begin];
      for (const char* part : {"/a", "/b", "/ab"}) paths.push_back(base + part);
    }
  }
}

/// What a scan does: from each root down, measuring every entry that has a rule.
void walk(const PolicyTree& tree, std::map<std::string, std::vector<Name>>& measured) {
  struct Step {
    std::string path;
    PolicyTree::Place place;
  };
  for (const auto& root : tree.roots()) {
    const auto own = tree.rule_of_root(root.path);
    ASSERT_TRUE(own) << root.path;
    measured[root.path].push_back(own->policy);
    if (!root.is_directory) continue;
    std::vector<Step> steps{{root.path == "/" ? "" : root.path, tree.enter_root(root.path)}};
    while (!steps.empty()) {
      const Step step = std::move(steps.back());
      steps.pop_back();
      if (!step.place.rule || std::count(step.path.begin(), step.path.end(), '/') >= kLongest)
        continue;
      for (const char* name : {"a", "b", "ab"}) {
        const std::string path = step.path + "/" + name;
        if (const auto rule = tree.rule_of(step.place, name))
          measured[path].push_back(rule->policy);
        if (auto place = tree.enter(step.place, name)) steps.push_back({path, *place});
      }
    }
  }
}

TEST(TreePropertyTest, WalksDecideAsTheRulesSayAndMeasureEachObjectOnce) {
  std::vector<std::string> paths;
  all_paths(paths);
  Random random{20261122};  // the same run every time
  for (int round = 0; round < 3'000; ++round) {
    PolicyTree tree;
    Reference reference;
    std::string lines;
    for (int i = 1 + below(random, 8); i > 0; --i) {
      const bool is_directory = below(random, 2) == 0;
      const int depth = below(random, 6) - 1;
      const Name policy =
          depth < 0 ? Name::IgnoreAll : kNames[static_cast<std::size_t>(below(random, 11))];
      const Watch watch{policy, is_directory, depth, random_path(random, 4), 0};
      lines += (is_directory ? std::to_string(depth) : "file=") + watch.path + " ";
      if (tree.add(watch, 0)) reference.add(watch);
    }

    std::map<std::string, std::vector<Name>> measured;
    ASSERT_NO_FATAL_FAILURE(walk(tree, measured)) << lines;
    for (const std::string& path : paths) {
      const auto expected = reference.policy_of(path);
      const auto found = measured.find(path);
      ASSERT_EQ(found != measured.end(), expected.has_value()) << path << " of " << lines;
      if (!expected) continue;
      ASSERT_EQ(found->second.size(), 1U) << path << " of " << lines;
      ASSERT_EQ(found->second.front(), *expected) << path << " of " << lines;
    }
  }
}

}  // namespace
}  // namespace samhain::policy
