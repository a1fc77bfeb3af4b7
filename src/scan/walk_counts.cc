// What a walk counts in the directories that it leaves.

#include <sys/stat.h>

#include <utility>

#include "scan/walk.h"

namespace samhain::scan {

/// The link count was measured with the directory's parent, perhaps long ago: where it contradicts
/// the entries it is asked for once more, and counts if nothing was made or removed meanwhile.
void Walk::judge_counts(const Directory& directory) {
  if (directory.has_failed) return;
  parts_.judge.tell_counts(directory.path, directory.counts);
  if (!parts_.judge.doubts_links(directory.path, directory.links, directory.device,
                                 directory.counts)) {
    return;
  }
  Order again{.directory = directory.path, .trusted_depth = directory.trusted_depth};
  again.names.push_back(Wanted{.name = "."});
  if (subtrees_) subtrees_->hold(directory.path);
  order(std::move(again), [this, path = directory.path, links = directory.links,
                           counts = directory.counts](Answer&& answer) {
    for (const FileFacts& facts : answer.facts) {
      const bool is_same = S_ISDIR(facts.mode) && facts.links == links;
      if (is_same) parts_.judge.tell_links(path, links, counts);
    }
    if (answer.is_last && subtrees_) subtrees_->release(path);
  });
}

}  // namespace samhain::scan
