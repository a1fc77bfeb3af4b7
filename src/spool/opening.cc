// Spool::open(): finds out what a killed or crashed process left.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "crypto/random.h"
#include "spool/state.h"
#include "sys/file.h"

namespace samhain::spool {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
/// Larger than any segment that was written with a sensible setting.
constexpr std::size_t kMaxSegment = std::size_t{1} << 30;

using DirectoryStream = Handle<DIR, closedir>;

struct Entries {
  std::vector<std::uint64_t> segments;  ///< sorted
  std::vector<std::string> unfinished;  ///< `*.new`: a rewrite that was killed
};

Result<Entries> list(int directory) {
  // A stream of its own: closedir() takes the descriptor with it.
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const DirectoryStream stream{copy < 0 ? nullptr : fdopendir(copy)};
  if (stream == nullptr) {
    const int error = errno;
    if (copy >= 0) close(copy);
    return system_error("list the spool directory", error);
  }
  Entries entries;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string_view name{&entry->d_name[0]};
    if (const auto first = parse_segment_name(name)) entries.segments.push_back(*first);
    if (name.ends_with(".new")) entries.unfinished.emplace_back(name);
  }
  std::sort(entries.segments.begin(), entries.segments.end());
  return entries;
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(Settings settings) {
  auto state = std::make_unique<State>();
  state->settings = std::move(settings);
  const std::string directory = state->settings.directory;
  for (const auto step : {&State::open_directory, &State::take_lock, &State::load_id,
                          &State::load_segments, &State::open_active}) {
    const auto done = (state.get()->*step)();
    if (!done) return done.error().within("spool", directory);
  }
  return std::unique_ptr<Spool>{new Spool{std::move(state)}};
}

Result<void> Spool::State::open_directory() {
  const char* const path = settings.directory.c_str();
  if (mkdir(path, kDirectoryMode) != 0 && errno != EEXIST) {
    const int error = errno;
    return system_error("create the directory", error);
  }
  directory.reset(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  struct stat facts {};
  if (!directory || fstat(directory.get(), &facts) != 0) {
    const int error = errno;
    return system_error("open the directory", error);
  }
  if (facts.st_uid != geteuid() || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{Error::Kind::Refused, "the directory must be ours alone (owner, mode 0700)"};
  }
  return sys::flush_directory_of(settings.directory);
}

Result<void> Spool::State::take_lock() {
  lock.reset(openat(directory.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (!lock) {
    const int error = errno;
    return system_error("open the lock", error);
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return {};
  const int error = errno;
  if (error == EWOULDBLOCK) return Error{Error::Kind::Busy, "another process uses it"};
  return system_error("lock", error);
}

Result<void> Spool::State::load_id() {
  const UniqueFd fd{openat(directory.get(), "id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) {
    const int error = errno;
    if (error != ENOENT) return system_error("open the id", error);
    id = crypto::random_array<16>();
    return sys::write_file_atomically(settings.directory + "/id", id, kFileMode);
  }
  const auto bytes = sys::read_all(fd.get(), id.size());
  if (!bytes && bytes.error().kind != Error::Kind::Limit) return bytes.error();
  if (!bytes || bytes->size() != id.size()) {
    return Error{Error::Kind::Malformed, "the file `id` is damaged; it must have 16 bytes"};
  }
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return {};
}

Result<void> Spool::State::load_segments() {
  const auto entries = list(directory.get());
  if (!entries) return entries.error();
  for (const std::string& name : entries->unfinished) {
    if (unlinkat(directory.get(), name.c_str(), 0) != 0) {
      const int error = errno;
      return system_error("remove " + name, error);
    }
  }
  for (const std::uint64_t first : entries->segments) {
    const auto loaded = load_segment(first, first == entries->segments.back());
    if (!loaded) return loaded.error();
  }
  return {};
}

Result<void> Spool::State::load_segment(std::uint64_t first, bool is_last) {
  const std::string name = segment_name(first);
  const UniqueFd fd{openat(directory.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) {
    const int error = errno;
    return system_error("open the segment " + name, error);
  }
  const auto bytes = sys::read_all(fd.get(), kMaxSegment);
  if (!bytes) return bytes.error().within("segment", name);

  Segment segment{0, first - 1, 0, {}};
  base::Writer good;
  // A number below the last segment's was never written so; survey() sees them rise inside this
  // one.
  const std::uint64_t above = std::max(first, next);
  const Survey found = survey(*bytes, above, [&](const Record& record) {
    append_record(good, record.seq, record.severity, record.body);
    segment.count(record.seq, record.severity);
  });
  segment.size = good.size();
  next = std::max(above, found.last + 1);

  // Bad bytes at the very end are what a kill or a power cut leaves, and were never durable.
  const bool is_torn = found.has_bad_tail && is_last && !found.has_hole;
  if (is_torn && ftruncate(fd.get(), static_cast<off_t>(found.good_end)) != 0) {
    const int error = errno;
    return system_error("cut the torn record off " + name, error);
  }
  if (found.has_hole || (found.has_bad_tail && !is_last)) {
    const auto set_aside = keep_damaged(name, good.view());
    if (!set_aside) return set_aside.error();
  }
  segments[first] = segment;
  total += segment.size;
  return {};
}

Result<void> Spool::State::keep_damaged(const std::string& name, ByteView good) {
  const std::string kept = name + ".damaged";
  note_damage(kept);
  if (linkat(directory.get(), name.c_str(), directory.get(), kept.c_str(), 0) != 0 &&
      errno != EEXIST) {
    const int error = errno;
    return system_error("keep the damaged segment " + name, error);
  }
  return replace(name, good);
}

Result<void> Spool::State::open_active() {
  if (segments.empty()) {
    durable_next = next;
    return start_segment();
  }
  const std::string name = segment_name(active_first());
  active.reset(openat(directory.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  // A killed process left its last reports to the page cache: durable before they are sent.
  if (!active || fdatasync(active.get()) != 0) {
    const int error = errno;
    return system_error("open the segment " + name, error);
  }
  durable_next = next;
  durable_size = active_segment().size;
  return {};
}

}  // namespace samhain::spool
