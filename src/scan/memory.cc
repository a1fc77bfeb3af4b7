#include "scan/memory.h"

#include <algorithm>
#include <utility>

namespace samhain::scan {
namespace {

using baseline::Entry;

std::string_view name_of(const Entry& entry) { return entry.facts.name; }

}  // namespace

Memory::Directory& Memory::at(std::string_view directory) {
  const auto found = directories_.find(directory);
  if (found != directories_.end()) return found->second;
  return directories_.emplace(std::string{directory}, Directory{}).first->second;
}

void Memory::put(std::string_view directory, Entry entry) {
  std::string name = entry.facts.name;
  at(directory).insert_or_assign(std::move(name), std::move(entry));
}

void Memory::remove(std::string_view directory, std::string_view name) {
  at(directory).insert_or_assign(std::string{name}, std::nullopt);
}

void Memory::clear() { directories_.clear(); }

void Memory::apply(std::string_view directory, std::vector<Entry>& entries) const {
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return;
  for (const auto& [name, entry] : found->second) {
    const auto at = std::ranges::lower_bound(entries, std::string_view{name}, {}, name_of);
    const bool is_there = at != entries.end() && name_of(*at) == name;
    if (is_there && entry) {
      *at = *entry;
    } else if (is_there) {
      entries.erase(at);
    } else if (entry) {
      entries.insert(at, *entry);
    }
  }
}

void Memory::apply(std::string_view directory, std::string_view name,
                   std::optional<Entry>& entry) const {
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return;
  const auto remembered = found->second.find(name);
  if (remembered != found->second.end()) entry = remembered->second;
}

std::vector<std::string> Memory::directories() const {
  std::vector<std::string> paths;
  paths.reserve(directories_.size());
  for (const auto& [path, directory] : directories_) paths.push_back(path);
  return paths;
}

}  // namespace samhain::scan
