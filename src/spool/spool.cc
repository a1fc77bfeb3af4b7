#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "spool/state.h"

namespace samhain::spool {
namespace {

constexpr mode_t kFileMode = 0600;
/// A smaller active segment is not worth a new file when everything in it is acknowledged.
constexpr std::uint64_t kWorthARollOver = 65'536;
/// How far beyond our own numbers a server may lead us: more can only be a mistake.
constexpr std::uint64_t kMaxLead = std::uint64_t{1} << 32;

Result<void> write_at(int fd, ByteView bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written =
        pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      return system_error("write to the spool", error);
    }
    done += static_cast<std::size_t>(written);
  }
  return {};
}

/// Reads bytes back and writes them to the same place, so that the next flush has something to do.
Result<void> write_again(int fd, std::uint64_t begin, std::uint64_t end) {
  Bytes bytes(static_cast<std::size_t>(end - begin));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      const int error = got < 0 ? errno : EIO;
      return system_error("read the spool back", error);
    }
    done += static_cast<std::size_t>(got);
  }
  return write_at(fd, bytes, begin);
}

}  // namespace

Spool::Spool(std::unique_ptr<State> state) : state_(std::move(state)) {}
Spool::~Spool() = default;

const std::array<std::uint8_t, 16>& Spool::id() const { return state_->id; }
std::uint64_t Spool::next() const { return state_->next; }
Spool::Loss Spool::take_loss() {
  return Loss{std::exchange(state_->lost, 0), std::exchange(state_->refused, 0)};
}
std::string Spool::damaged() { return state_->damaged; }
Result<void> Spool::flush() { return state_->flush(); }

Result<std::uint64_t> Spool::append(Severity severity, ByteView body) {
  const std::uint64_t size = body.size() + kRecordOverhead;
  if (size > kMaxRecord || size > state_->settings.limit_bytes) {
    return Error{Error::Kind::Limit, "report too long for the spool"};
  }
  if (state_->total + size > state_->settings.limit_bytes) {
    const auto has_room = state_->make_room(severity, size);
    if (!has_room) return has_room.error();
    if (!*has_room) {
      ++state_->lost;
      return state_->refused = state_->next++;
    }
  }
  const std::uint64_t used = state_->active_segment().size;
  if (used > 0 && used + size > state_->settings.segment_bytes) {
    const auto started = state_->start_segment();
    if (!started) return started.error();
  }
  const auto written = state_->write_record(severity, body);
  if (!written) return written.error();
  return state_->next - 1;
}

std::uint64_t Spool::first() const {
  for (const auto& [first, segment] : state_->segments) {
    if (segment.last >= first && segment.last > state_->acknowledged) {
      return std::max(segment.lowest, state_->acknowledged + 1);
    }
  }
  return state_->next;
}

Result<void> Spool::read(std::uint64_t from,
                         const std::function<bool(std::uint64_t, ByteView)>& take) {
  State& state = *state_;
  assert(!state.is_reading);
  state.is_reading = true;
  auto result = state.read(std::max(from, first()), take);
  state.is_reading = false;
  return result;
}

Result<void> Spool::drop_through(std::uint64_t seq) {
  State& state = *state_;
  if (seq >= state.next) {
    if (seq - state.next >= kMaxLead) {
      return Error{Error::Kind::Malformed, "a number was acknowledged that was never given"};
    }
    state.next = seq + 1;
    // The name of an empty segment is how the number survives a restart.
    const auto started = state.start_segment();
    if (!started) return started.error();
  }
  state.acknowledged = std::max(state.acknowledged, seq);
  return state.forget_acknowledged();
}

void Spool::State::note_damage(const std::string& name) {
  if (!damaged.empty()) damaged += ' ';
  damaged += name;
}

Result<void> Spool::State::flush() {
  if (durable_next == next) return {};
  const std::uint64_t size = active_segment().size;
  if (must_write_again) {
    const auto written = write_again(active.get(), durable_size, size);
    if (!written) return written.error();
  }
  if (size != durable_size && fdatasync(active.get()) != 0) {
    const int error = errno;
    must_write_again = true;
    return system_error("flush the spool", error);
  }
  must_write_again = false;
  durable_size = size;
  durable_next = next;
  return {};
}

Result<void> Spool::State::start_segment() {
  const auto flushed = flush();
  if (!flushed) return flushed.error();
  const std::string name = segment_name(next);
  UniqueFd fd{openat(directory.get(), name.c_str(),
                     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode)};
  if (!fd) {
    const int error = errno;
    return system_error("create the spool segment " + name, error);
  }
  if (fsync(directory.get()) != 0) {
    const int error = errno;
    (void)unlinkat(directory.get(), name.c_str(), 0);
    return system_error("flush the spool directory", error);
  }
  active = std::move(fd);
  segments[next] = Segment{0, next - 1, 0, {}};
  durable_size = 0;
  return {};
}

Result<void> Spool::State::forget(std::uint64_t first) {
  const std::string name = segment_name(first);
  if (unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    const int error = errno;
    return system_error("remove the spool segment " + name, error);
  }
  total -= segments[first].size;
  segments.erase(first);
  reader.forget();
  ++generation;
  return {};
}

Result<void> Spool::State::forget_acknowledged() {
  if (acknowledged + 1 == next && active_segment().size > kWorthARollOver) {
    const auto started = start_segment();
    if (!started) return started.error();
  }
  while (segments.size() > 1) {
    const auto oldest = segments.begin();
    if (std::next(oldest)->first - 1 > acknowledged) return {};
    const auto forgotten = forget(oldest->first);
    if (!forgotten) return forgotten.error();
  }
  return {};
}

Result<void> Spool::State::write_record(Severity severity, ByteView body) {
  Segment& segment = active_segment();
  scratch.clear();
  append_record(scratch, next, severity, body);
  const auto written = write_at(active.get(), scratch.view(), segment.size);
  if (!written) {
    // Gives the bytes back to a full disk.  If even that fails, no harm: the next report overwrites
    // them, and the next start cuts them off.
    [[maybe_unused]] const int cut = ftruncate(active.get(), static_cast<off_t>(segment.size));
    return written.error();
  }
  segment.size += scratch.size();
  segment.count(next++, severity);
  total += scratch.size();
  return {};
}

Result<void> Spool::State::read(std::uint64_t expected,
                                const std::function<bool(std::uint64_t, ByteView)>& take) {
  while (expected < durable_next) {
    auto place = segments.upper_bound(expected);
    const bool is_before_all = place == segments.begin();
    if (!is_before_all) --place;
    // Between segments, or behind the last report of one: these numbers are lost.
    if (is_before_all || place->second.last < expected) {
      if (!is_before_all) ++place;
      const std::uint64_t end = place == segments.end() ? durable_next : place->first;
      while (expected < std::min(end, durable_next)) {
        if (!take(expected++, {})) return {};
      }
      continue;
    }
    const auto goes_on = read_segment(place->first, expected, take);
    if (!goes_on) return goes_on.error();
    if (!*goes_on) return {};
  }
  return {};
}

Result<bool> Spool::State::read_segment(std::uint64_t first, std::uint64_t& expected,
                                        const std::function<bool(std::uint64_t, ByteView)>& take) {
  const auto selected = reader.select(directory.get(), first);
  if (!selected) return selected.error();
  const std::uint64_t started = generation;
  std::uint64_t offset = reader.offset_for(expected);
  // `take` may change the segments: ask for the size each time, and find the place anew if one
  // went.
  while (generation == started && offset < segments[first].size) {
    const auto record = reader.at(offset, segments[first].size);
    if (!record && record.error().kind == Error::Kind::System) return record.error();
    if (!record) {
      const auto given_up = give_up_rest(first, offset, expected);
      if (!given_up) return given_up.error();
      return true;
    }
    offset += record->size;
    if (record->seq < expected) continue;
    if (record->seq >= durable_next) return false;
    while (expected < record->seq) {
      if (!take(expected++, {})) return false;
      if (generation != started) return true;
    }
    ++expected;
    if (!take(record->seq, record->body)) return false;
  }
  return true;
}

Result<void> Spool::State::give_up_rest(std::uint64_t first, std::uint64_t offset,
                                        std::uint64_t expected) {
  if (is_active(first)) {
    const auto started = start_segment();
    if (!started) return started.error();
  }
  Segment& segment = segments[first];
  note_damage(segment_name(first));
  lost += segment.last - expected + 1;
  total -= segment.size - offset;
  segment.size = offset;
  segment.last = expected - 1;
  reader.forget();
  ++generation;
  return {};
}

}  // namespace samhain::spool
