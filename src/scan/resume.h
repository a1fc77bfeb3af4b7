#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/report.h"
#include "samhain/result.h"

namespace samhain::scan {

/// What a check has behind it, so that another process can go on where it was cut off (ResumeScan):
/// the directories that are done with all that is below them, and what was told.  Bounded: what
/// there is no room for is measured, or told, again.
class Resume {
 public:
  static constexpr std::size_t kMaxDirectories = 16'384;
  static constexpr std::size_t kMaxPathBytes = 1U << 20;
  static constexpr std::size_t kMaxTold = 65'536;
  /// Of an encoded one.
  static constexpr std::size_t kMaxSize = 4U << 20;

  /// Begins anew; `identity`: of baseline and configuration, to which all of it belongs.
  void begin(const Digest& identity, std::int64_t began_ns);
  /// The check came to its end.  What its predecessor told of directories that it passed over is
  /// still not told again by the next one.
  void end();
  bool is_dirty() const { return is_dirty_; }  ///< changed since it was encoded
  Bytes encode();
  /// What another process left.  `now_ns`: it must not be older than a day.
  /// Errors: Malformed, Refused (of another identity, or too old).
  static Result<Resume> decode(ByteView bytes, const Digest& identity, std::int64_t now_ns);

  // Directories.
  std::size_t directories() const { return done_.size(); }
  std::uint64_t files() const;
  /// The objects in and below it, if it is done.
  const std::uint64_t* find_done(std::string_view directory) const;
  void add_done(const std::string& directory, std::uint64_t files);

  /// False if the report was told before the restart; else it counts as told now.
  bool is_news(const Report& report);

 private:
  using Key = std::array<std::uint8_t, 16>;  ///< of a SHA-256
  static Key key_of(const Report& report);

  Digest identity_{};
  std::int64_t began_ns_ = 0;
  bool is_dirty_ = false;
  bool has_passed_over_ = false;  ///< this check goes on with another's
  std::map<std::string, std::uint64_t, std::less<>> done_;
  std::size_t path_bytes_ = 0;
  std::set<Key> told_;         ///< by this check
  std::set<Key> told_before_;  ///< by its predecessor, and not met yet
};

/// The directories under way, and how much below each is: finds out when one is done with all that
/// is below it.
class Subtrees {
 public:
  using IsWhole = std::function<bool(const std::string& directory)>;
  /// Borrows `resume`.  `is_whole`: nothing is left below the directory that another phase of the
  /// walk would have to tell.
  Subtrees(Resume& resume, IsWhole is_whole) : resume_(resume), is_whole_(std::move(is_whole)) {}

  /// True if it was done before the restart, and need not be walked; `parent`: the directory that
  /// it was met in, or empty.
  bool passes_over(const std::string& directory, const std::string& parent);
  void open(const std::string& directory, const std::string& parent);
  void count(const std::string& directory);  ///< one more object in it
  void hold(const std::string& directory);   ///< something about it is still to be told
  void release(const std::string& directory);
  void fail(const std::string& directory);  ///< it could not be read to its end
  /// All in it was told; below it there may still be something.
  void close(const std::string& directory) { release(directory); }

 private:
  struct Node {
    std::string parent;
    unsigned pending = 1;
    std::uint64_t files = 0;
    bool has_failed = false;
  };
  Resume& resume_;
  IsWhole is_whole_;
  std::unordered_map<std::string, Node> nodes_;
};

}  // namespace samhain::scan
