#pragma once

#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "crypto/digest.h"
#include "samhain/facts.h"
#include "scan/measurer_pool.h"

namespace samhain::scan {

/// Measures one object after the other, with one buffer and one digest context.
///
/// A regular file is opened once, without following a symlink, without blocking and, where it is
/// permitted, without changing its atime; facts, flags and digest come from that descriptor.  Only
/// what the attributes ask for is done: nothing is opened for ownership alone, and only regular
/// files and directories are ever opened (opening a device has side effects).
class Measure {
 public:
  /// Before a file's content is read; its size.  And for each piece that was read.
  struct Hooks {
    std::function<void(std::uint64_t size)> before_content;
    /// How long it took, which is no reading.
    std::function<std::chrono::nanoseconds(std::size_t bytes)> on_progress;
  };

  /// `deadline`: how long reading a file may take, and a second more for each megabyte that it
  /// takes up on its disk; a sparse file that says it has terabytes takes up none.
  /// `drops_cache`: a file whose first piece was not in the page cache leaves it again, so that
  /// what this host's other work has there stays there.
  Measure(Hooks hooks, std::chrono::milliseconds deadline, bool drops_cache = false);

  /// Facts of `wanted.name` in the directory open at `directory`; failed_stage says what could not
  /// be measured, Timeout that reading took too long.  An object that turns into another type, or a
  /// file whose size or mtime changes while it is read, is measured once more and then Unstable;
  /// where a file cannot be read the other facts still come.  The end of a file that fits one read
  /// is not confirmed by a second fstat(2): what changes in those microseconds differs from its
  /// mtime and is seen by the next check.
  void measure(int directory, const Wanted& wanted, FileFacts& facts);

  /// Files for which `skips` is true, open at `fd`, are not read: they have no digest.
  using Skips = std::function<bool(int fd, const FileFacts& facts)>;
  void skip_if(Skips skips) { skips_ = std::move(skips); }
  /// For `skips`: pread(2) of the beginning, which leaves the page cache as it was, too.
  ssize_t read_head(int fd, std::span<std::uint8_t> to);

  /// For each directory anew: whether O_NOATIME is permitted is a matter of its files' owners.
  void begin_directory() { uses_noatime_ = asks_cache_ = true; }
  /// How contents are digested from now on; `second`: also by this, None: not.
  void use(DigestKind first, DigestKind second);

 private:
  enum class Outcome { Done, Again };
  Outcome measure_once(int directory, const Wanted& wanted, std::uint8_t type, FileFacts& facts);
  static Outcome measure_unopened(int directory, const Wanted& wanted, FileFacts& facts);
  Outcome measure_opened(int fd, const Wanted& wanted, FileFacts& facts);
  Outcome read_content(int fd, std::uint64_t blocks, const Wanted& wanted, FileFacts& facts);
  ssize_t read_first(int fd, std::span<std::uint8_t> to, off_t offset);
  void drop(int fd, std::uint64_t total);
  Outcome give_up(FileFacts& facts, Stage stage, int sys_errno);
  crypto::Hasher& hasher(DigestKind kind);
  void update(ByteView piece);
  void keep_content(FileFacts& facts);
  int open_object(int directory, const char* name, int more);

  Hooks hooks_;
  Skips skips_;  ///< mostly none
  std::chrono::milliseconds deadline_;
  std::vector<std::uint8_t> buffer_;
  std::array<std::optional<crypto::Hasher>, kLastDigestKind + 1> hashers_;
  crypto::Hasher* first_;             ///< among hashers_
  crypto::Hasher* second_ = nullptr;  ///< null: none
  std::string content_;               ///< of a text that is kept
  bool drops_cache_;
  bool uses_noatime_ = true;
  bool asks_cache_ = true;     ///< the file system tells whether something is cached
  bool is_dropped_ = false;    ///< the file under way was not cached
  std::uint64_t dropped_ = 0;  ///< of it, so far
};

}  // namespace samhain::scan
