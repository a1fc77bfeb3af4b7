#pragma once

#include <cstdint>
#include <string>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::uplink {

/// Where a file from the server comes to lie: it never has a name, so that one that is broken off
/// leaves nothing behind, and nobody else can open it.
class Store {
 public:
  /// In memory; seal() makes it unchangeable (memfd_create(2)).  Errors: System.
  static Result<Store> in_memory();
  /// In a file without a name in `directory` (O_TMPFILE), or in memory where its file system has
  /// none.  Errors: System.
  static Result<Store> in_directory(const std::string& directory);
  /// Nowhere: the bytes are only counted and judged by whoever passes them on.
  static Store nowhere() { return {}; }

  Result<void> clear();
  Result<void> append(ByteView bytes);
  Result<void> seal();  ///< complete; it will be read from its beginning
  UniqueFd take() { return std::move(fd_); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  bool is_memory_ = false;
};

}  // namespace samhain::uplink
