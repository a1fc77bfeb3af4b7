#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "baseline/baseline.h"
#include "policy/policy.h"
#include "samhain/result.h"
#include "scan/judge.h"
#include "scan/measurer_pool.h"

namespace samhain::scan {

/// Compares this host with a baseline alone: each object of it by the attributes that its entry
/// says, ReadOnly where it says none.  Nothing else is looked at, so nothing is ever added.
class Verification {
 public:
  using OnDone = std::function<void(Result<void>)>;  ///< once; may not destroy this

  /// Borrows all three.
  Verification(MeasurerPool& pool, baseline::Reader& reader, Judge& judge, OnDone on_done);
  void begin();

 private:
  struct Directory {
    std::string path;
    std::vector<baseline::Entry> known;  ///< sorted by name
    std::vector<bool> is_seen;
    unsigned orders = 0;
    Stage failed_stage = Stage::None;  ///< of the directory itself
    int failed_errno = 0;
  };

  void advance();
  Result<void> order_next();
  void order_names(std::uint64_t number, std::vector<Wanted> names);
  void take(std::uint64_t number, Answer&& answer);
  void take_object(Directory& directory, const FileFacts& facts);
  void finish(std::uint64_t number);
  void tell_absent(const std::string& directory, const baseline::Entry& known, int sys_errno);

  MeasurerPool& pool_;
  baseline::Reader& reader_;
  Judge& judge_;
  OnDone on_done_;
  std::uint64_t next_ = 0;
  std::size_t in_flight_ = 0;  ///< directories
  bool is_done_ = false;
  std::map<std::uint64_t, Directory> under_way_;
};

}  // namespace samhain::scan
