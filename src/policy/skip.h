#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/file_types.h"
#include "policy/pattern.h"
#include "samhain/result.h"

namespace samhain::policy {

/// What is not read although a policy compares its content, as the configuration has it.
struct SkipSettings {
  std::vector<std::string> conditions{};       ///< SkipChecksum, a text for each line
  std::vector<std::string> types{};            ///< FileType, a text for each line
  std::vector<std::string> ignore_modified{};  ///< IgnoreModified: nothing of these is compared
  bool operator==(const SkipSettings&) const = default;
  bool is_empty() const { return conditions.empty() && ignore_modified.empty(); }
};

/// The same compiled, for measurers: samhainrc(5), SkipChecksum.
class Skipper {
 public:
  struct Object {
    const std::string& path;
    std::uint32_t mode;
    std::uint64_t size;
  };
  /// The first kHeadSize bytes of the object.
  using ReadHead = std::function<std::string_view()>;

  Skipper();
  ~Skipper();
  Skipper(Skipper&&) noexcept;
  Skipper& operator=(Skipper&&) noexcept;
  Skipper(const Skipper&) = delete;
  Skipper& operator=(const Skipper&) = delete;

  /// Errors: Malformed, "what is wrong; what would be right".
  static Result<Skipper> make(const SkipSettings& settings);
  /// The head is read once at most, and only where no other condition of the line is wrong.
  bool skips(const Object& object, const ReadHead& read_head) const;

 private:
  struct Condition;
  struct Line;
  static Result<Line> parse_line(std::string_view text);
  static Result<Condition> parse_condition(std::string_view& rest);
  FileTypes types_;
  std::vector<Line> lines_;
  PathPatterns unread_;
};

}  // namespace samhain::policy
