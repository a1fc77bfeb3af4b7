#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "baseline/baseline.h"
#include "samhain/result.h"

namespace samhain::tools {

/// What becomes of the trusted state if a baseline takes the place of another one, object by
/// object, in the order of their paths.
class BaselineDiff {
 public:
  /// One piece of output, whole lines.
  using Emit = std::function<void(std::string_view text)>;

  BaselineDiff(bool is_json, Emit emit) : is_json_(is_json), emit_(std::move(emit)) {}

  /// `before` null: everything is new.  Attributes that neither of the two watches are not
  /// compared. Errors: those of Reader.
  Result<void> run(baseline::Reader* before, baseline::Reader& after);

  /// All objects of one, a line each.
  Result<void> list(baseline::Reader& reader);

 private:
  using Entries = std::vector<baseline::Entry>;
  Result<void> compare_directory(const std::string& directory, baseline::Reader* before,
                                 baseline::Reader* after);
  void compare(const std::string& directory, const Entries& before, const Entries& after);
  void tell(std::string_view change, const std::string& path, const baseline::Entry* before,
            const baseline::Entry* after);
  void begin();
  void end(std::string_view summary);
  bool is_json_;
  Emit emit_;
  std::size_t added_ = 0;
  std::size_t removed_ = 0;
  std::size_t changed_ = 0;
};

}  // namespace samhain::tools
