// What a full spool does: the oldest of the lowest severity go first.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "spool/state.h"
#include "sys/file.h"

namespace samhain::spool {
namespace {

constexpr mode_t kFileMode = 0600;

/// The lowest severity that any segment holds.
Severity lowest_of(const std::map<std::uint64_t, Segment>& segments) {
  for (std::size_t s = 0; s < kSeverityCount; ++s) {
    for (const auto& [first, segment] : segments) {
      if (segment.counts[s] > 0) return static_cast<Severity>(s);
    }
  }
  return Severity::Inet;
}

std::uint64_t oldest_with(const std::map<std::uint64_t, Segment>& segments, Severity severity) {
  const auto found = std::find_if(segments.begin(), segments.end(), [&](const auto& entry) {
    return entry.second.counts[static_cast<std::size_t>(severity)] > 0;
  });
  return found->first;
}

}  // namespace

Result<bool> Spool::State::make_room(Severity severity, std::uint64_t size) {
  // Rewriting a segment for one report at a time would cost a megabyte for each: free a part of a
  // segment at once.
  const std::uint64_t goal = size + std::min(settings.segment_bytes, settings.limit_bytes) / 4;
  while (total + size > settings.limit_bytes) {
    const auto oldest = segments.begin();
    const bool has_acknowledged =
        oldest->second.lowest != 0 && oldest->second.lowest <= acknowledged;
    const Severity lowest = lowest_of(segments);
    if (!has_acknowledged && lowest > severity) return false;

    const std::uint64_t victim = has_acknowledged ? oldest->first : oldest_with(segments, lowest);
    if (is_active(victim)) {
      const auto started = start_segment();
      if (!started) return started.error();
    }
    std::uint64_t freed = 0;
    std::uint64_t dropped = 0;
    const auto rewritten = rewrite(victim, [&](const Record& record) {
      if (record.seq <= acknowledged) {
        freed += record.size;
        return false;
      }
      if (record.severity != lowest || lowest > severity || freed >= goal) return true;
      freed += record.size;
      ++dropped;
      return false;
    });
    if (!rewritten) return rewritten.error();
    lost += dropped;
  }
  return true;
}

Result<void> Spool::State::rewrite(std::uint64_t first,
                                   const std::function<bool(const Record&)>& keeps) {
  const std::string name = segment_name(first);
  const UniqueFd old{openat(directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!old) {
    const int error = errno;
    return system_error("open the spool segment " + name, error);
  }
  const auto bytes = sys::read_all(old.get(), settings.segment_bytes + kMaxRecord);
  if (!bytes) return bytes.error().within("spool segment", name);

  Segment kept{0, first - 1, 0, {}};
  base::Writer content;
  const auto good = ByteView{*bytes}.first(
      std::min(bytes->size(), static_cast<std::size_t>(segments[first].size)));
  (void)survey(good, first, [&](const Record& record) {
    if (!keeps(record)) return;
    append_record(content, record.seq, record.severity, record.body);
    kept.count(record.seq, record.severity);
  });
  if (content.size() == 0) return forget(first);

  kept.size = content.size();
  const auto replaced = replace(name, content.view());
  if (!replaced) return replaced.error();
  total = total - segments[first].size + kept.size;
  segments[first] = kept;
  reader.forget();
  ++generation;
  return {};
}

Result<void> Spool::State::replace(const std::string& name, ByteView content) {
  const std::string fresh = name + ".new";
  const UniqueFd fd{openat(directory.get(), fresh.c_str(),
                           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kFileMode)};
  if (!fd) {
    const int error = errno;
    return system_error("create the spool segment " + fresh, error);
  }
  auto done = sys::write_all(fd.get(), content);
  if (done && (fdatasync(fd.get()) != 0 ||
               renameat(directory.get(), fresh.c_str(), directory.get(), name.c_str()) != 0)) {
    const int error = errno;
    done = system_error("replace", error);
  }
  if (!done) {
    (void)unlinkat(directory.get(), fresh.c_str(), 0);
    return done.error().within("spool segment", name);
  }
  if (fsync(directory.get()) != 0) {
    const int error = errno;
    return system_error("flush the spool directory", error);
  }
  return {};
}

}  // namespace samhain::spool
