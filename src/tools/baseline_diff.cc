#include "tools/baseline_diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "policy/attributes.h"
#include "tools/json.h"

namespace samhain::tools {
namespace {

using baseline::Entry;
using policy::Attribute;
using policy::AttributeSet;

/// One attribute of an object, before and after, as text for people.
struct Change {
  std::string_view what;
  std::string before;
  std::string after;
};

std::string time_text(const Timestamp& time) {
  return fmt::format("{}.{:09}", base::utc_time(time.seconds), time.nanoseconds);
}

std::string digest_text(const ContentDigest& digest) {
  return digest ? base::hex(digest.view()) : "none";
}

std::string owner_text(const std::string& name, std::uint32_t id) {
  return fmt::format("{} ({})", base::printable(name), id);
}

template <class Add>
void add_extended(const FileFacts& before, const FileFacts& after, Add add) {
  static const ExtendedFacts none;
  const ExtendedFacts& a = before.extended ? *before.extended : none;
  const ExtendedFacts& b = after.extended ? *after.extended : none;
  const auto pair = [&](Attribute attribute, std::string_view what,
                        std::string ExtendedFacts::*fact) {
    add(attribute, what, base::printable(a.*fact), base::printable(b.*fact));
  };
  pair(Attribute::Acl, "acl", &ExtendedFacts::acl);
  pair(Attribute::Capabilities, "capabilities", &ExtendedFacts::capabilities);
  pair(Attribute::Selinux, "selinux", &ExtendedFacts::selinux);
  pair(Attribute::Xattrs, "xattr", &ExtendedFacts::xattrs);
}

std::vector<Change> all_changes(const Entry& before, const Entry& after) {
  const FileFacts& a = before.facts;
  const FileFacts& b = after.facts;
  const AttributeSet watched{before.attributes | after.attributes};
  std::vector<Change> changes;
  const auto add = [&](Attribute attribute, std::string_view what, std::string was,
                       std::string is) {
    if (watched.has(attribute) && was != is)
      changes.push_back({what, std::move(was), std::move(is)});
  };
  add(Attribute::Mode, "mode", fmt::format("{:o}", a.mode), fmt::format("{:o}", b.mode));
  add(Attribute::Mode, "flags", fmt::format("{:x}", a.flags), fmt::format("{:x}", b.flags));
  add(Attribute::User, "owner", owner_text(before.owner, a.uid), owner_text(after.owner, b.uid));
  add(Attribute::Group, "group", owner_text(before.group, a.gid), owner_text(after.group, b.gid));
  add(Attribute::Size, "size", std::to_string(a.size), std::to_string(b.size));
  add(Attribute::Mtime, "mtime", time_text(a.mtime), time_text(b.mtime));
  add(Attribute::Ctime, "ctime", time_text(a.ctime), time_text(b.ctime));
  add(Attribute::Atime, "atime", time_text(a.atime), time_text(b.atime));
  add(Attribute::Inode, "inode", std::to_string(a.inode), std::to_string(b.inode));
  add(Attribute::Inode, "device", std::to_string(a.device), std::to_string(b.device));
  add(Attribute::Hardlinks, "links", std::to_string(a.links), std::to_string(b.links));
  add(Attribute::Device, "rdevice", std::to_string(a.rdevice), std::to_string(b.rdevice));
  add(Attribute::Link, "target", base::printable(a.target), base::printable(b.target));
  add(Attribute::Checksum, "digest", digest_text(a.digest), digest_text(b.digest));
  add(Attribute::Checksum, "second digest", digest_text(a.second_digest),
      digest_text(b.second_digest));
  add(Attribute::Birth, "btime", time_text(a.btime), time_text(b.btime));
  add_extended(a, b, add);
  // What is watched at all is the quietest way to hide a change: always told.
  if (before.attributes != after.attributes || before.policy != after.policy) {
    const auto policy = [](const Entry& entry) {
      return fmt::format("{} ({:04x})", entry.policy, entry.attributes);
    };
    changes.push_back({"policy", policy(before), policy(after)});
  }
  return changes;
}

std::string path_of(const std::string& directory, const std::string& name) {
  if (directory == "/") return name == "." ? "/" : "/" + name;
  return directory + "/" + name;
}

}  // namespace

void BaselineDiff::begin() {
  added_ = removed_ = changed_ = 0;
  if (is_json_) emit_("[");
}

void BaselineDiff::end(std::string_view summary) { emit_(is_json_ ? "\n]\n" : summary); }

void BaselineDiff::tell(std::string_view change, const std::string& path, const Entry* before,
                        const Entry* after) {
  std::vector<Change> changes;
  if (before != nullptr && after != nullptr) {
    changes = all_changes(*before, *after);
    if (changes.empty()) return;
    ++changed_;
  } else {
    ++(after != nullptr ? added_ : removed_);
  }
  const std::string shown = base::printable(path);
  if (!is_json_) {
    std::string text = fmt::format("{:<8} {}\n", change, shown);
    for (const Change& one : changes) {
      text += fmt::format("         {}: {} -> {}\n", one.what, one.before, one.after);
    }
    return emit_(text);
  }
  std::vector<std::string> attributes;
  attributes.reserve(changes.size());
  for (const Change& one : changes) {
    attributes.push_back(fmt::format("{}: [{}, {}]", json_quoted(one.what), json_quoted(one.before),
                                     json_quoted(one.after)));
  }
  const bool is_first = added_ + removed_ + changed_ == 1;
  emit_(fmt::format("{}\n {{\"change\": {}, \"path\": {}, \"attributes\": {{{}}}}}",
                    is_first ? "" : ",", json_quoted(change), json_quoted(shown),
                    fmt::join(attributes, ", ")));
}

void BaselineDiff::compare(const std::string& directory, const Entries& before,
                           const Entries& after) {
  auto was = before.begin();
  auto is = after.begin();
  while (was != before.end() || is != after.end()) {
    const bool has_gone =
        is == after.end() || (was != before.end() && was->facts.name < is->facts.name);
    const bool is_new =
        was == before.end() || (is != after.end() && is->facts.name < was->facts.name);
    if (has_gone) {
      tell("removed", path_of(directory, was->facts.name), &*was, nullptr);
      ++was;
    } else if (is_new) {
      tell("added", path_of(directory, is->facts.name), nullptr, &*is);
      ++is;
    } else {
      tell("changed", path_of(directory, is->facts.name), &*was, &*is);
      ++was;
      ++is;
    }
  }
}

Result<void> BaselineDiff::compare_directory(const std::string& directory, baseline::Reader* before,
                                             baseline::Reader* after) {
  const auto entries_of = [&](baseline::Reader* reader) -> Result<Entries> {
    if (reader == nullptr) return Entries{};
    auto entries = reader->directory(directory);
    // The order is the file's word only.
    if (entries) std::ranges::sort(*entries, {}, [](const Entry& e) { return e.facts.name; });
    return entries;
  };
  const auto was = entries_of(before);
  if (!was) return was.error();
  const auto is = entries_of(after);
  if (!is) return is.error();
  compare(directory, *was, *is);
  return {};
}

Result<void> BaselineDiff::run(baseline::Reader* before, baseline::Reader& after) {
  begin();
  auto directories = after.directories();
  if (!directories) return directories.error();
  if (before != nullptr) {
    auto old = before->directories();
    if (!old) return old.error();
    directories->insert(directories->end(), old->begin(), old->end());
  }
  std::ranges::sort(*directories);
  directories->erase(std::unique(directories->begin(), directories->end()), directories->end());
  for (const std::string& directory : *directories) {
    if (auto done = compare_directory(directory, before, &after); !done) return done;
  }
  end(fmt::format("{} added, {} removed, {} changed\n", added_, removed_, changed_));
  return {};
}

Result<void> BaselineDiff::list(baseline::Reader& reader) {
  begin();
  auto directories = reader.directories();
  if (!directories) return directories.error();
  std::size_t count = 0;
  for (const std::string& directory : *directories) {
    const auto entries = reader.directory(directory);
    if (!entries) return entries.error();
    for (const Entry& entry : *entries) {
      const std::string path = base::printable(path_of(directory, entry.facts.name));
      ++count;
      if (is_json_) {
        emit_(fmt::format(
            "{}\n {{\"path\": {}, \"mode\": \"{:o}\", \"uid\": {}, \"gid\": {}, \"size\": {}, "
            "\"mtime\": {}, \"digest\": {}}}",
            count == 1 ? "" : ",", json_quoted(path), entry.facts.mode, entry.facts.uid,
            entry.facts.gid, entry.facts.size, entry.facts.mtime.seconds,
            json_quoted(digest_text(entry.facts.digest))));
      } else {
        emit_(fmt::format("{:>7o} {}:{} {:>10} {} {}\n", entry.facts.mode,
                          base::printable(entry.owner), base::printable(entry.group),
                          entry.facts.size, base::utc_time(entry.facts.mtime.seconds), path));
      }
    }
  }
  end(fmt::format("{} objects\n", count));
  return {};
}

}  // namespace samhain::tools
