#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "samhain/facts.h"
#include "samhain/result.h"
#include "server/chores.h"
#include "server/file_store.h"

namespace samhain::server {

/// SHA-256 of stored files, in slices, and remembered while a file stays as it is.
class Digester {
 public:
  /// Errors: Busy (it changed while it was read: look for it anew), System.
  using OnDone = std::function<void(const Result<Digest>& digest)>;

  Digester(Chores& chores, const base::Clock& clock) : chores_(chores), clock_(clock) {}
  Digester(const Digester&) = delete;
  Digester& operator=(const Digester&) = delete;
  ~Digester() = default;

  /// Calls `on_done` at once where the digest is known, else from the loop.  Who asks for a file
  /// that is being read waits for the same reading.
  void digest(const StoredFile& file, OnDone on_done);

  /// Digests remembered; more, and all are forgotten.
  static constexpr std::size_t kMostKnown = 16'384;

 private:
  struct Job;
  bool read_slice(Job& job);
  void finish(Job& job, const Result<Digest>& digest);
  Chores& chores_;
  const base::Clock& clock_;
  std::map<FileKey, Digest> known_;
  std::map<FileKey, std::shared_ptr<Job>> jobs_;
  Bytes buffer_;  ///< lent to one slice at a time
};

}  // namespace samhain::server
