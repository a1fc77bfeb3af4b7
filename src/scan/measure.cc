#include "scan/measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "samhain/handle.h"
#include "scan/extended.h"
#include "scan/facts_codec.h"

namespace samhain::scan {
namespace {

using policy::Attribute;
using policy::AttributeSet;

constexpr std::size_t kBufferSize = 128U << 10;
constexpr int kAttempts = 2;
/// A file that is not kept in the page cache leaves it in pieces of this size.
constexpr std::uint64_t kDropPiece = 8U << 20;
/// Longest content of a pseudo file, which says that it has no size; some never end.
constexpr std::uint64_t kMaxPseudo = 64U << 20;
/// Blocks, of 512 bytes as statx(2) counts them, that the slowest disk reads in a second: 1 MB.
constexpr std::uint64_t kBlocksPerSecond = 1'000'000 / 512;
/// More is never needed, and less than what the clock can count.
constexpr std::uint64_t kMaxSeconds = std::uint64_t{366} * 86'400;
/// Texts that are kept have fewer bytes, and fewer when they are compressed.
constexpr std::uint64_t kMaxContent = 92'000;
constexpr std::size_t kMaxCompressed = 9'200;
/// Looking at the clock after each piece would cost more than it is worth.
constexpr std::uint64_t kBytesBetweenClocks = 4U << 20;

constexpr unsigned kFacts = STATX_BASIC_STATS | STATX_BTIME;

void take(const struct statx& from, FileFacts& facts) {
  const auto time = [](const statx_timestamp& t) { return Timestamp{t.tv_sec, t.tv_nsec}; };
  facts.mode = from.stx_mode;
  facts.uid = from.stx_uid;
  facts.gid = from.stx_gid;
  facts.links = from.stx_nlink;
  facts.inode = from.stx_ino;
  facts.device = makedev(from.stx_dev_major, from.stx_dev_minor);
  facts.rdevice = makedev(from.stx_rdev_major, from.stx_rdev_minor);
  facts.size = from.stx_size;
  facts.atime = time(from.stx_atime);
  facts.mtime = time(from.stx_mtime);
  facts.ctime = time(from.stx_ctime);
  if ((from.stx_mask & STATX_BTIME) != 0) facts.btime = time(from.stx_btime);
}

void fail(FileFacts& facts, Stage stage, int sys_errno) {
  facts.failed_stage = stage;
  facts.failed_errno = sys_errno;
}

void begin_facts(FileFacts& facts, const std::string& name) {
  std::string kept = std::move(facts.name);  // its memory, for the next name
  kept = name;
  facts = FileFacts{};
  facts.name = std::move(kept);
}

bool stat_at(int directory, FileFacts& facts) {
  struct statx raw {};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_AS_STAT | AT_NO_AUTOMOUNT;
  if (statx(directory, facts.name.c_str(), flags, kFacts, &raw) != 0) {
    fail(facts, Stage::Lstat, errno);
    return false;
  }
  take(raw, facts);
  return true;
}

bool stat_opened(int fd, struct statx& raw) {
  return statx(fd, "", AT_EMPTY_PATH | AT_STATX_SYNC_AS_STAT, kFacts, &raw) == 0;
}

/// The attribute letters of a regular file or directory; 0 where the file system has none.
std::uint32_t flags_of(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return 0;
  return static_cast<std::uint32_t>(flags);
}

bool wants_flags(AttributeSet attributes) {
  return attributes.has(Attribute::Mode) || attributes.has(Attribute::Flags);
}

bool needs_open(std::uint8_t type, AttributeSet attributes) {
  const bool wants_more = wants_flags(attributes) || wants_extended(attributes);
  if (type == DT_REG) return attributes.has(Attribute::Checksum) || wants_more;
  return type == DT_DIR && wants_more;
}

ExtendedFacts& extended_of(FileFacts& facts) {
  auto extended = facts.extended ? std::make_shared<ExtendedFacts>(*facts.extended)
                                 : std::make_shared<ExtendedFacts>();
  facts.extended = extended;
  return *extended;
}

/// Where reading ends at the latest.
std::uint64_t limit_of(std::uint64_t size, AttributeSet attributes) {
  // A growing log is digested up to the size that was measured, whatever is appended meanwhile.
  if (attributes.has(Attribute::Growing)) return size;
  // One byte more is enough to see that a file grew.
  return size == 0 ? kMaxPseudo : size + 1;
}

/// Says when reading one file has taken longer than it may.
class Patience {
 public:
  Patience(std::chrono::milliseconds deadline, std::uint64_t blocks)
      : limit_(Clock::now() + deadline +
               std::chrono::seconds(std::min(blocks / kBlocksPerSecond, kMaxSeconds))) {}

  void extend(std::chrono::nanoseconds rest) { limit_ += rest; }
  bool is_over(std::uint64_t total) {
    if (total < next_look_) return false;
    next_look_ = total + kBytesBetweenClocks;
    return Clock::now() >= limit_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point limit_;
  std::uint64_t next_look_ = kBytesBetweenClocks;
};

bool has_turned(int open_errno) {
  return open_errno == ELOOP || open_errno == ENOTDIR || open_errno == ENXIO ||
         open_errno == ESTALE;
}

}  // namespace

Measure::Measure(Hooks hooks, std::chrono::milliseconds deadline, bool drops_cache)
    : hooks_(std::move(hooks)),
      deadline_(deadline),
      buffer_(kBufferSize),
      first_(&hasher(DigestKind::Sha256)),
      drops_cache_(drops_cache) {}

crypto::Hasher& Measure::hasher(DigestKind kind) {
  auto& place = hashers_.at(static_cast<std::size_t>(kind));
  if (!place) place.emplace(kind);
  return *place;
}

void Measure::use(DigestKind first, DigestKind second) {
  first_ = &hasher(first);
  second_ = second == DigestKind::None ? nullptr : &hasher(second);
}

void Measure::update(ByteView piece) {
  first_->update(piece);
  if (second_ != nullptr) second_->update(piece);
}

void Measure::measure(int directory, const Wanted& wanted, FileFacts& facts) {
  std::uint8_t type = wanted.type;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    begin_facts(facts, wanted.name);
    if (measure_once(directory, wanted, type, facts) == Outcome::Done) return;
    type = DT_UNKNOWN;
  }
  fail(facts, Stage::Unstable, 0);
  // Bytes of two contents have the digest of neither.
  facts.digest = {};
  facts.second_digest = {};
  facts.prefix_digest = {};
  if (facts.extended) extended_of(facts).content.clear();
}

namespace {

bool read_target(int directory, FileFacts& facts) {
  std::array<char, kMaxTarget> target{};
  const ssize_t size = readlinkat(directory, facts.name.c_str(), target.data(), target.size());
  if (size >= 0) {
    facts.target.assign(target.data(), static_cast<std::size_t>(size));
    return true;
  }
  if (errno == EINVAL) return false;  // no symlink any more
  fail(facts, errno == ENOENT ? Stage::Lstat : Stage::Readlink, errno);
  return true;
}

}  // namespace

Measure::Outcome Measure::measure_unopened(int directory, const Wanted& wanted, FileFacts& facts) {
  if (wanted.attributes.is_empty()) return Outcome::Done;
  if (S_ISLNK(facts.mode) && !read_target(directory, facts)) return Outcome::Again;
  if (wants_extended(wanted.attributes)) {
    read_extended({.directory = directory, .name = facts.name.c_str(), .mode = facts.mode},
                  wanted.attributes, extended_of(facts));
  }
  return Outcome::Done;
}

Measure::Outcome Measure::measure_once(int directory, const Wanted& wanted, std::uint8_t type,
                                       FileFacts& facts) {
  if (!needs_open(type, wanted.attributes)) {
    if (!stat_at(directory, facts)) return Outcome::Done;
    type = IFTODT(facts.mode);
    if (!needs_open(type, wanted.attributes)) return measure_unopened(directory, wanted, facts);
  }
  const UniqueFd fd(open_object(directory, facts.name.c_str(), type == DT_DIR ? O_DIRECTORY : 0));
  if (fd) return measure_opened(fd.get(), wanted, facts);

  const int open_errno = errno;
  if (has_turned(open_errno)) return Outcome::Again;
  if (open_errno == ENOENT) {
    fail(facts, Stage::Lstat, ENOENT);
    return Outcome::Done;
  }
  // What may not be read still has an owner and a mode.
  if (!stat_at(directory, facts)) return Outcome::Done;
  if (needs_open(IFTODT(facts.mode), wanted.attributes)) fail(facts, Stage::Open, open_errno);
  return Outcome::Done;
}

int Measure::open_object(int directory, const char* name, int more) {
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | more;
  if (uses_noatime_) {
    const int fd = openat(directory, name, flags | O_NOATIME);
    if (fd >= 0 || errno != EPERM) return fd;
    uses_noatime_ = false;  // files of another owner, and no capability: mostly all of them here
  }
  return openat(directory, name, flags);
}

Measure::Outcome Measure::measure_opened(int fd, const Wanted& wanted, FileFacts& facts) {
  struct statx raw {};
  if (!stat_opened(fd, raw)) {
    fail(facts, Stage::Open, errno);
    return Outcome::Done;
  }
  take(raw, facts);
  const bool is_regular = S_ISREG(facts.mode);
  if (!is_regular && !S_ISDIR(facts.mode)) return Outcome::Again;
  if (wants_flags(wanted.attributes)) facts.flags = flags_of(fd);
  if (wants_extended(wanted.attributes)) {
    read_extended({.fd = fd, .mode = facts.mode}, wanted.attributes, extended_of(facts));
  }
  if (!is_regular || !wanted.attributes.has(Attribute::Checksum)) return Outcome::Done;
  is_dropped_ = false;
  const bool is_skipped = skips_ && skips_(fd, facts);
  const Outcome outcome =
      is_skipped ? Outcome::Done : read_content(fd, raw.stx_blocks, wanted, facts);
  if (is_dropped_) drop(fd, 0);
  return outcome;
}

/// The same read(2) as for every other piece (or pread(2) where an offset is given), but that it
/// does not wait for the disk, which tells whether the page cache has the file: no system call more
/// where it has.  Once the cache is known not to have it, it is not asked again.
ssize_t Measure::read_first(int fd, std::span<std::uint8_t> to, off_t offset) {
  const iovec piece{to.data(), to.size()};
  if (drops_cache_ && asks_cache_ && !is_dropped_) {
    const ssize_t got = preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
    if (got >= 0) return got;
    is_dropped_ = errno == EAGAIN;
    dropped_ = 0;
    asks_cache_ = is_dropped_ || errno == EINTR;
  }
  return preadv2(fd, &piece, 1, offset, 0);
}

ssize_t Measure::read_head(int fd, std::span<std::uint8_t> to) { return read_first(fd, to, 0); }

/// Gives back the cache up to `total`, at the end (0) all of it: a large file would drive out
/// everything else while it is read.
void Measure::drop(int fd, std::uint64_t total) {
  if (total != 0 && total - dropped_ < kDropPiece) return;
  (void)posix_fadvise(fd, static_cast<off_t>(dropped_),
                      total == 0 ? 0 : static_cast<off_t>(total - dropped_), POSIX_FADV_DONTNEED);
  dropped_ = total;
}

/// Without digests, and with the digests' contexts ready for the next file.
Measure::Outcome Measure::give_up(FileFacts& facts, Stage stage, int sys_errno) {
  fail(facts, stage, sys_errno);
  facts.prefix_digest = {};
  (void)first_->finish();
  if (second_ != nullptr) (void)second_->finish();
  return Outcome::Done;
}

void Measure::keep_content(FileFacts& facts) {
  std::string compressed(compressBound(content_.size()), '\0');
  uLongf size = compressed.size();
  const int status = compress2(reinterpret_cast<Bytef*>(compressed.data()), &size,
                               as_bytes(content_).data(), content_.size(), Z_BEST_COMPRESSION);
  if (status != Z_OK) return;  // no memory: as a content that is not kept
  compressed.resize(size);
  if (size < kMaxCompressed) {
    extended_of(facts).content = std::move(compressed);
  } else {
    extended_of(facts).oversize = size;
  }
}

Measure::Outcome Measure::read_content(int fd, std::uint64_t blocks, const Wanted& wanted,
                                       FileFacts& facts) {
  hooks_.before_content(facts.size);
  const bool is_growing = wanted.attributes.has(Attribute::Growing);
  const std::uint64_t limit = limit_of(facts.size, wanted.attributes);
  std::optional<Patience> patience;
  if (limit > kBytesBetweenClocks) patience.emplace(deadline_, blocks);
  std::uint64_t total = 0;
  bool is_single_read = false;
  const bool keeps_content = wanted.attributes.has(Attribute::Content) && facts.size < kMaxContent;
  content_.clear();
  while (total < limit) {
    const ssize_t got =
        total == 0 ? read_first(fd, buffer_, -1) : read(fd, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return give_up(facts, Stage::Read, errno);
    if (got == 0) break;
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(static_cast<std::uint64_t>(got), limit - total));
    ByteView piece(buffer_.data(), size);
    if (keeps_content) content_.append(as_text(piece));
    if (wanted.prefix_size > total && wanted.prefix_size <= total + size) {
      update(piece.first(static_cast<std::size_t>(wanted.prefix_size - total)));
      facts.prefix_digest = first_->finish_so_far();
      piece = piece.subspan(static_cast<std::size_t>(wanted.prefix_size - total));
    }
    update(piece);
    is_single_read = total == 0;
    total += size;
    if (is_dropped_) drop(fd, total);
    const auto rest = hooks_.on_progress(size);
    if (patience) patience->extend(rest);
    if (patience && patience->is_over(total)) return give_up(facts, Stage::Timeout, ETIMEDOUT);
    // Less than asked for, and all that there was to be: the end, without one more read to see it.
    if (size < buffer_.size() && total == facts.size) break;
  }
  facts.digest = first_->finish();
  if (second_ != nullptr) facts.second_digest = second_->finish();
  if (keeps_content && total < kMaxContent) {
    keep_content(facts);
  } else if (wanted.attributes.has(Attribute::Content)) {
    extended_of(facts).oversize = total;
  }
  if (is_growing) return total == facts.size ? Outcome::Done : Outcome::Again;
  if (total == facts.size && (is_single_read || total == 0)) return Outcome::Done;
  struct statx now {};
  if (!stat_opened(fd, now)) {
    fail(facts, Stage::Read, errno);
    return Outcome::Done;
  }
  // A pseudo file's size says nothing (0 in /proc): what counts is that nothing changed.
  const bool is_same = now.stx_size == facts.size && now.stx_mtime.tv_sec == facts.mtime.seconds &&
                       now.stx_mtime.tv_nsec == facts.mtime.nanoseconds && total < limit;
  return is_same ? Outcome::Done : Outcome::Again;
}

}  // namespace samhain::scan
