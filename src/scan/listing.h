#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "samhain/result.h"

namespace samhain::scan {

/// Reads a directory by getdents64(2), 64 KiB a call, one buffer for all directories.
class Listing {
 public:
  struct Item {
    std::string_view name;  ///< valid until the next call of next(); ends with a NUL
    std::uint64_t inode = 0;
    std::uint8_t type = 0;  ///< DT_…; DT_UNKNOWN where the file system does not say
  };

  Listing();
  /// Begins with the directory open at `fd`, which stays the caller's.  Errors: System.
  Result<void> begin(int fd);
  /// The next entry but `.` and `..`; false at the end.  Errors: System, Malformed.
  Result<bool> next(Item& item);

 private:
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::size_t at_ = 0;
  int fd_ = -1;
};

}  // namespace samhain::scan
