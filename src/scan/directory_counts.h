#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "samhain/facts.h"

namespace samhain::scan {

/// The entries of one directory by their types, as they were measured.
struct EntryCounts {
  std::uint32_t directories = 0;
  std::uint32_t files = 0;
  std::uint32_t symlinks = 0;
  std::uint32_t pipes = 0;
  std::uint32_t sockets = 0;
  std::uint32_t characters = 0;
  std::uint32_t blocks = 0;
  bool is_certain = true;  ///< false: some could not be measured

  void add(const FileFacts& facts);
};

/// On which file systems a directory has a link for each sub-directory: known by the table of
/// mounts, which is read without touching any of them (statfs(2) of a dead one would hang).
class LinkingFileSystems {
 public:
  /// Errors are silence: what is not known counts no sub-directories.
  bool has(std::uint64_t device);
  void forget() { types_.reset(); }  ///< before each scan: mounts come and go

 private:
  std::optional<std::map<std::uint64_t, bool>> types_;
};

/// The devices of /proc/self/mountinfo (proc(5)), and whether their file systems count so.
std::map<std::uint64_t, bool> read_mounts(std::string_view mountinfo);

}  // namespace samhain::scan
