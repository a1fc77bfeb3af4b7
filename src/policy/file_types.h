#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/result.h"

namespace samhain::policy {

/// So many bytes of a file's beginning tell its type.
inline constexpr std::size_t kHeadSize = 3'072;
/// Types that a configuration may add.
inline constexpr std::size_t kMaxOwnTypes = 16;

/// Types of files by what they begin with, as `G1:G2:G3` ("IMAGE:BITMAP:PNG"): a list of our own
/// making, then those of the configuration; the first that fits counts.
class FileTypes {
 public:
  /// Adds the value of a FileType line: `offset:type:length:G1:G2:G3:name:bytes`, type 0 (text) or
  /// 1 (binary), which are compared alike, and `=HH` for any byte.
  /// Errors: Malformed; Limit (more than kMaxOwnTypes); Refused: an earlier one always fits first.
  Result<void> add(std::string_view value);

  /// FILE:TEXT:ASCII where nothing fits and all of it is printable, FILE:UNKNOWN:UNKNOWN of an
  /// empty file, else FILE:BINARY:UNKNOWN.  The text lives as long as this object.
  std::string_view type_of(std::string_view head) const;

 private:
  struct Own {
    std::size_t offset;
    std::string bytes;
    std::string type;
  };
  struct Earlier {
    std::size_t number;  ///< in the list, from 1
    std::string_view type;
  };
  static Result<Own> parse(std::string_view value);
  std::optional<Earlier> find_shadowing(const Own& own) const;
  std::vector<Own> own_;
};

/// Is `type` the wanted one, or of the wanted group: G1, or G1:G2?
bool is_of_type(std::string_view type, std::string_view wanted);

/// Every type of the list, once, in its order: for the manual and its test.
std::vector<std::string_view> known_types();

}  // namespace samhain::policy
