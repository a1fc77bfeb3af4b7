#include "policy/skip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace samhain::policy {
namespace {

constexpr std::string_view kSeparators = " \t,";
constexpr std::uint32_t kPermissions = 07777;

Error malformed(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

enum class Kind { Prefix, Regex, SizeExceeds, PermissionIs, PermissionHas, FileType };
struct KindName {
  std::string_view name;
  Kind kind;
};
constexpr std::array<KindName, 6> kKinds = {{{"match_prefix(", Kind::Prefix},
                                             {"match_regex(", Kind::Regex},
                                             {"size_exceeds(", Kind::SizeExceeds},
                                             {"match_permission(", Kind::PermissionIs},
                                             {"have_permission(", Kind::PermissionHas},
                                             {"match_filetype(", Kind::FileType}}};

std::string_view without_separators(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kSeparators);
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

const KindName* kind_at(std::string_view text) {
  const auto found = std::ranges::find_if(
      kKinds, [text](const KindName& kind) { return text.starts_with(kind.name); });
  return found == kKinds.end() ? nullptr : found;
}

/// Is `rest` what may stand behind a condition: nothing, or the next one?
bool begins_condition(std::string_view rest) {
  const std::string_view next = without_separators(rest);
  if (next.empty()) return true;
  return next.size() < rest.size() && kind_at(next.substr(next.front() == '!' ? 1 : 0)) != nullptr;
}

/// The `)` that ends an argument, which may hold such itself: a condition or nothing follows.
std::size_t end_of_argument(std::string_view text) {
  std::size_t end = text.find(')');
  while (end != std::string_view::npos && !begins_condition(text.substr(end + 1))) {
    end = text.find(')', end + 1);
  }
  return end;
}

}  // namespace

struct Skipper::Condition {
  Kind kind = Kind::Prefix;
  bool is_negated = false;
  std::string text;
  std::uint64_t number = 0;
  std::optional<Pattern> pattern;

  Result<void> take(std::string_view argument) {
    text = argument;
    switch (kind) {
      case Kind::Prefix:
      case Kind::FileType:
        if (argument.empty()) return malformed("empty condition; give a text between ( and )");
        return {};
      case Kind::Regex: {
        auto compiled = Pattern::compile(argument, Pattern::Anchor::None);
        if (!compiled) return compiled.error();
        pattern = *std::move(compiled);
        return {};
      }
      case Kind::SizeExceeds:
      case Kind::PermissionIs:
      case Kind::PermissionHas:
        break;
    }
    const bool is_octal = kind != Kind::SizeExceeds;
    const auto value = base::to_number<std::uint64_t>(argument, is_octal ? 8 : 10);
    if (!value || (is_octal && *value > kPermissions)) {
      return malformed(fmt::format("{} is no {}; give {}", argument,
                                   is_octal ? "permission" : "size",
                                   is_octal ? "octal digits up to 7777" : "a number of bytes"));
    }
    number = *value;
    return {};
  }

  /// All but FileType, which needs the content.
  bool holds(const Object& object) const {
    const std::uint64_t permissions = object.mode & kPermissions;
    switch (kind) {
      case Kind::Prefix:
        return object.path.starts_with(text) != is_negated;
      case Kind::Regex:
        return pattern->matches(object.path) != is_negated;
      case Kind::SizeExceeds:
        return (object.size > number) != is_negated;
      case Kind::PermissionIs:
        return (permissions == number) != is_negated;
      case Kind::PermissionHas:
        return ((permissions & number) == number) != is_negated;
      case Kind::FileType:
        break;
    }
    return true;
  }
};

/// All of them must hold.
struct Skipper::Line {
  std::vector<Condition> conditions;

  bool holds(const Object& object) const {
    return std::ranges::all_of(conditions, [&](const Condition& c) { return c.holds(object); });
  }
  bool asks_for_type() const {
    return std::ranges::any_of(conditions,
                               [](const Condition& c) { return c.kind == Kind::FileType; });
  }
  bool holds(std::string_view type) const {
    return std::ranges::all_of(conditions, [type](const Condition& c) {
      return c.kind != Kind::FileType || is_of_type(type, c.text) != c.is_negated;
    });
  }
};

Skipper::Skipper() = default;
Skipper::~Skipper() = default;
Skipper::Skipper(Skipper&&) noexcept = default;
Skipper& Skipper::operator=(Skipper&&) noexcept = default;

Result<Skipper::Condition> Skipper::parse_condition(std::string_view& rest) {
  Condition condition;
  condition.is_negated = rest.starts_with('!');
  if (condition.is_negated) rest.remove_prefix(1);
  const KindName* kind = kind_at(rest);
  if (kind == nullptr) {
    std::string all;
    for (const KindName& one : kKinds) all.append(" ").append(one.name).append("…)");
    return malformed(fmt::format("no condition: {}; give one of{}", rest, all));
  }
  condition.kind = kind->kind;
  rest.remove_prefix(kind->name.size());
  const std::size_t end = end_of_argument(rest);
  if (end == std::string_view::npos) {
    return malformed(fmt::format(
        "no ) that ends {}; close it, and separate conditions by commas or blanks", kind->name));
  }
  const std::string_view argument = rest.substr(0, end);
  for (const KindName& one : kKinds) {
    if (argument.find(one.name) == std::string_view::npos) continue;
    return malformed(fmt::format("nothing between ) and {}; write a comma or a blank", one.name));
  }
  if (auto taken = condition.take(argument); !taken) return taken.error();
  rest = without_separators(rest.substr(end + 1));
  return condition;
}

Result<Skipper::Line> Skipper::parse_line(std::string_view text) {
  Line line;
  std::string_view rest = without_separators(text);
  do {
    auto condition = parse_condition(rest);
    if (!condition) return condition.error();
    line.conditions.push_back(*std::move(condition));
  } while (!rest.empty());
  return line;
}

Result<Skipper> Skipper::make(const SkipSettings& settings) {
  Skipper skipper;
  for (const std::string& text : settings.types) {
    if (auto added = skipper.types_.add(text); !added) return added.error();
  }
  for (const std::string& text : settings.conditions) {
    auto line = parse_line(text);
    if (!line) return line.error();
    skipper.lines_.push_back(*std::move(line));
  }
  auto unread = PathPatterns::compile(settings.ignore_modified);
  if (!unread) return unread.error();
  skipper.unread_ = *std::move(unread);
  return skipper;
}

bool Skipper::skips(const Object& object, const ReadHead& read_head) const {
  if (unread_.matches(object.path)) return true;
  std::optional<std::string_view> type;
  return std::ranges::any_of(lines_, [&](const Line& line) {
    if (!line.holds(object)) return false;
    if (!line.asks_for_type()) return true;
    if (!type) type = types_.type_of(read_head());
    return line.holds(*type);
  });
}

}  // namespace samhain::policy
