#include "scan/worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "scan/facts_codec.h"
#include "scan/paths.h"

namespace samhain::scan {
namespace {

constexpr std::uint64_t kMaxOrderBytes = 16U << 20;
/// A piece of a reply goes out when it has this size, or after this silence.
constexpr std::size_t kPieceSize = 64U << 10;
constexpr std::chrono::milliseconds kMaxSilence{100};
/// Looking at the clock for each object would cost as much as encoding its facts.
constexpr std::size_t kObjectsBetweenClocks = 64;
constexpr std::size_t kBytesWorthAClock = 64U << 10;

/// The clock by its last tick, a few milliseconds old at most: looking at it costs next to nothing.
std::int64_t coarse_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

bool is_gone(const FileFacts& facts) {
  return facts.failed_stage == Stage::Lstat && facts.failed_errno == ENOENT;
}

}  // namespace

Worker::Worker(Output output, Patience patience, bool drops_cache)
    : output_(std::move(output)),
      opening_patience_(patience.opening),
      measure_({.before_content = [this](std::uint64_t size) { before_content(size); },
                .on_progress = [this](std::size_t bytes) { return on_progress(bytes); }},
               patience.deadline, drops_cache) {}

void Worker::skip(policy::Skipper skipper) {
  skipper_ = std::move(skipper);
  measure_.skip_if([this](int fd, const FileFacts& facts) { return skips(fd, facts); });
}

bool Worker::skips(int fd, const FileFacts& facts) {
  const std::string path = join(request_.order.directory, facts.name);
  return skipper_.skips({path, facts.mode, facts.size}, [&]() -> std::string_view {
    head_.resize(policy::kHeadSize);
    const ssize_t got = measure_.read_head(fd, head_);
    head_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return as_text(head_);
  });
}

void Worker::perform(Request request) {
  request_ = std::move(request);
  const Order& order = request_.order;
  next_name_ = objects_ = 0;
  bytes_ = unsaid_bytes_ = 0;
  has_left_rest_ = false;
  failed_stage_ = Stage::None;
  failed_errno_ = 0;
  last_said_ = std::chrono::steady_clock::now();
  pace_.begin(last_said_);
  std::ranges::sort(request_.skipped);
  if (order.lists) {
    std::ranges::sort(request_.order.names, {}, [](const Wanted& w) { return w.name; });
  }

  say_begin("");
  auto directory = chain_.open(order.directory, order.trusted_depth);
  if (!directory) {
    fail(directory.error().sys_errno);
  } else if (order.lists || order.inode != 0) {
    auto begun = listing_.begin(*directory);
    if (begun) {
      measure_all(*directory);
    } else {
      fail(begun.error().sys_errno);
    }
  } else {
    measure_all(*directory);
  }
  send_piece(true);
}

void Worker::measure_all(int directory) {
  measure_.begin_directory();
  measure_.use(request_.order.digest, request_.order.second_digest);
  Wanted wanted;
  FileFacts facts;
  while (!has_left_rest_ && next(wanted)) {
    if (objects_ == kMaxNames) {
      leave(wanted);
      leave_rest();
      return;
    }
    say_begin(wanted.name);
    measure_next(directory, wanted, facts);
    ++objects_;
    (void)keep_pace(0);
    // What vanished since it was listed is as absent as what never was; a name asked for is told
    // of.
    if (!is_gone(facts) || !request_.order.lists) reply_.add(facts);
    if (reply_.size() >= kPieceSize) {
      send_piece(false);
      output_.flush();
    }
    if (objects_ % kObjectsBetweenClocks == 0) say_if_silent();
  }
}

void Worker::measure_next(int directory, const Wanted& wanted, FileFacts& facts) {
  object_ = wanted.name;
  object_began_ms_ = coarse_ms();
  is_opened_ = false;
  measure_.measure(directory, wanted, facts);
  note_opened();
  if (follows_symlinks_ && !facts.target.empty()) look_behind(directory, facts);
}

/// Finding and opening it is over, be it that its content comes next.
void Worker::note_opened() {
  if (std::exchange(is_opened_, true)) return;
  const std::int64_t took_ms = coarse_ms() - object_began_ms_;
  if (took_ms < opening_patience_.count()) return;
  remark({.kind = Remark::Kind::Slow,
          .name = std::string{object_},
          .seconds = static_cast<std::uint32_t>(took_ms / 1'000)});
}

void Worker::look_behind(int directory, const FileFacts& facts) {
  struct statx unused {};
  const int flags = AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (statx(directory, facts.name.c_str(), flags, STATX_TYPE, &unused) == 0) return;
  if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) return;
  remark({.kind = Remark::Kind::Dangling, .name = facts.name, .target = facts.target});
}

void Worker::remark(const Remark& remark) {
  output_.send(kRemark, encode_remark(request_.number, remark));
}

bool Worker::is_skipped(std::string_view name) const {
  return !request_.skipped.empty() && std::ranges::binary_search(request_.skipped, name);
}

bool Worker::next(Wanted& wanted) {
  const Order& order = request_.order;
  if (order.lists || order.inode != 0) return next_listed(wanted);
  while (next_name_ < order.names.size()) {
    wanted = order.names[next_name_++];
    if (!is_skipped(wanted.name)) return true;
  }
  return false;
}

bool Worker::next_listed(Wanted& wanted) {
  const Order& order = request_.order;
  Listing::Item item;
  for (;;) {
    auto more = listing_.next(item);
    if (!more) fail(more.error().sys_errno);
    if (!more || !*more) return false;
    if (order.inode != 0 && (item.inode != order.inode || item.type != DT_REG)) continue;
    if (item.name.size() > kMaxName || is_skipped(item.name)) continue;
    wanted.name = item.name;
    wanted.type = item.type;
    wanted.attributes = order.attributes;
    wanted.prefix_size = order.prefix_size;
    if (!order.names.empty()) {
      const auto own = std::ranges::lower_bound(
          order.names, item.name, {}, [](const Wanted& w) -> std::string_view { return w.name; });
      if (own != order.names.end() && own->name == item.name) wanted.attributes = own->attributes;
    }
    return true;
  }
}

void Worker::say_begin(std::string_view name) {
  if (!request_.is_careful) return;
  send_piece(false);
  output_.send(kBegin, encode_begin(request_.number, name));
  output_.flush();
}

void Worker::leave(const Wanted& wanted) {
  has_left_rest_ = true;
  reply_.add_rest(wanted.name, wanted.type);
  if (reply_.size() >= kPieceSize) send_piece(false);
}

void Worker::leave_rest() {
  has_left_rest_ = true;
  Wanted wanted;
  while (next(wanted)) leave(wanted);
}

void Worker::before_content(std::uint64_t size) {
  note_opened();
  if (has_left_rest_ || bytes_ + size <= kMaxOrderBytes) return;
  leave_rest();
  send_piece(false);
  output_.flush();
}

std::chrono::nanoseconds Worker::on_progress(std::size_t bytes) {
  bytes_ += bytes;
  unsaid_bytes_ += bytes;
  if (bytes >= kBytesWorthAClock) say_if_silent();
  return keep_pace(bytes);
}

/// Rests where the limits want it, but never in silence: the scanner would take us for hung.
std::chrono::nanoseconds Worker::keep_pace(std::size_t bytes) {
  if (!pace_.is_limited()) return {};
  const auto begin = std::chrono::steady_clock::now();
  pace_.note(bytes, begin);
  const auto end = begin + pace_.due(begin);
  if (end == begin) return {};
  auto now = begin;
  while (now < end && pace_.is_limited()) {
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(end - now, kMaxSilence));
    say_if_silent();
    now = std::chrono::steady_clock::now();
  }
  pace_.begin(now);
  return now - begin;
}

void Worker::say_if_silent() {
  if (std::chrono::steady_clock::now() - last_said_ < kMaxSilence) return;
  send_piece(false);
  output_.flush();
}

void Worker::send_piece(bool is_last) {
  output_.send(kAnswer, reply_.finish(request_.number, {.is_last = is_last,
                                                        .failed_stage = failed_stage_,
                                                        .failed_errno = failed_errno_,
                                                        .bytes_read = unsaid_bytes_}));
  unsaid_bytes_ = 0;
  last_said_ = std::chrono::steady_clock::now();
}

void Worker::fail(int sys_errno) {
  failed_stage_ = Stage::Opendir;
  failed_errno_ = sys_errno;
}

}  // namespace samhain::scan
