#include <fmt/format.h>
#include <glob.h>
#include <limits.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "policy/policy.h"

namespace samhain::policy {
namespace {

constexpr std::string_view kMagic = "*?[";

Error malformed(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

bool is_quote(char c) { return c == '"' || c == '\''; }

/// Without the quotes around it.
Result<std::string_view> unquote(std::string_view text) {
  if (text.empty() || !is_quote(text.front())) return text;
  if (text.size() < 2 || text.back() != text.front()) {
    return malformed(
        "quote without its partner at the end; quote the whole path, or write \\\" or \\'");
  }
  return text.substr(1, text.size() - 2);
}

/// Takes "3", "-1" off the front of `text`, and the blanks after it.
Result<std::optional<int>> take_depth(std::string_view& text, Name policy) {
  const std::size_t end = text.find_first_not_of("-0123456789");
  const std::string_view digits = text.substr(0, end);
  if (digits.empty()) return std::optional<int>{};
  const auto depth = base::to_number<int>(digits);
  if (!depth || *depth < -1 || *depth > kMaxDepth) {
    return malformed(
        fmt::format("bad depth; give a number from 0 to {} before the path", kMaxDepth));
  }
  if (*depth == -1 && policy != Name::IgnoreAll) {
    return malformed("depth -1 outside [IgnoreAll]; give 0 to watch the directory and its entries");
  }
  text = base::trim(text.substr(digits.size()));
  return depth;
}

std::optional<char> plain_escape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
      return c;
    default:
      return std::nullopt;
  }
}

struct Escape {
  char byte;
  std::size_t length;  ///< of what stands after the backslash
};

/// What the text after a backslash means.
std::optional<Escape> read_escape(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (const auto plain = plain_escape(text.front())) return Escape{*plain, 1};
  const bool is_hex = text.front() == 'x';
  const std::string_view digits = text.substr(is_hex ? 1 : 0, is_hex ? 2 : 3);
  if (digits.size() != (is_hex ? 2U : 3U)) return std::nullopt;
  const auto value = base::to_number<unsigned>(digits, is_hex ? 16 : 8);
  if (!value || *value == 0 || *value > 0xFF) return std::nullopt;  // a path holds no NUL
  return Escape{static_cast<char>(*value), digits.size() + (is_hex ? 1 : 0)};
}

Result<std::string> unescape(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    result.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto escape = read_escape(text.substr(1));
    if (!escape) {
      return malformed(
          "bad escape; \\a \\b \\f \\n \\r \\t \\v \\\\ \\' \\\", \\ooo (octal) and \\xHH exist");
    }
    result.push_back(escape->byte);
    text.remove_prefix(1 + escape->length);
  }
  return result;
}

bool has_dots(std::string_view path) {
  for (const std::string_view part : base::split(path, "/")) {
    if (part == "." || part == "..") return true;
  }
  return false;
}

/// One slash between components, none at the end.
std::string normalize(std::string_view path) {
  std::string result;
  for (const std::string_view part : base::split(path, "/")) result.append("/").append(part);
  return result.empty() ? "/" : result;
}

Result<std::string> check_path(std::string path, bool is_directory) {
  if (!path.starts_with('/')) {
    return malformed(is_directory
                         ? "no absolute path; write [depth]/path"
                         : "no absolute path; let it begin with / (a depth belongs to dir=)");
  }
  if (has_dots(path)) return malformed("component . or .. in the path; write the path without it");
  path = normalize(path);
  if (path.size() >= PATH_MAX) {
    return Error{Error::Kind::Limit,
                 fmt::format("Filename too long; at most {} bytes are possible", PATH_MAX - 1)};
  }
  return path;
}

struct GlobMatches {
  GlobMatches() = default;
  GlobMatches(const GlobMatches&) = delete;
  GlobMatches& operator=(const GlobMatches&) = delete;
  GlobMatches(GlobMatches&&) = delete;
  GlobMatches& operator=(GlobMatches&&) = delete;
  ~GlobMatches() { globfree(&list); }
  glob_t list{};
};

}  // namespace

Result<Watch> parse_watch(Name policy, bool is_directory, std::string_view value) {
  auto text = unquote(base::trim(value));
  if (!text) return text.error();
  Watch watch{policy, is_directory, std::nullopt, {}, 0};
  if (is_directory) {
    const auto depth = take_depth(*text, policy);
    if (!depth) return depth.error();
    watch.depth = *depth;
    // Both dir="3/path" and dir=3"/path".
    if (depth->has_value()) text = unquote(*text);
    if (!text) return text.error();
  }
  auto path = unescape(*text);
  if (!path) return path.error();
  auto checked = check_path(std::move(*path), is_directory);
  if (!checked) return checked.error();
  watch.path = std::move(*checked);
  return watch;
}

Result<std::vector<std::string>> expand(const std::string& pattern) {
  if (pattern.find_first_of(kMagic) == std::string::npos) return std::vector{pattern};
  GlobMatches matches;
  switch (glob(pattern.c_str(), 0, nullptr, &matches.list)) {
    case 0:
      break;
    case GLOB_NOMATCH:
      return std::vector<std::string>{};
    case GLOB_NOSPACE:
      return Error{Error::Kind::Limit, "glob: Out of memory"};
    default:
      return system_error("glob", EIO);
  }
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < matches.list.gl_pathc; ++i) {
    const std::string_view path = matches.list.gl_pathv[i];
    if (!has_dots(path)) paths.push_back(normalize(path));  // `.*` would match `.` and `..`
  }
  // glob(3) sorts by the locale.
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace samhain::policy
