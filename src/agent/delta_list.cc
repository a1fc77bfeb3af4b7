#include "agent/delta_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/random.h"
#include "samhain/bytes.h"
#include "sys/file.h"

namespace samhain::agent {

namespace {

constexpr std::size_t kMaxList = 16U << 20;

Error wrong(std::size_t line, std::string_view what) {
  return Error{Error::Kind::Malformed, fmt::format("line {}: {}", line, what)};
}

/// A walk comes by no such name.
bool has_dots(std::string_view path) {
  return std::ranges::any_of(base::split(path, "/"),
                             [](std::string_view part) { return part == "." || part == ".."; });
}

/// `watch` lines are patterns where they have one of these; here a path is a path.
std::string literal_pattern(const std::string& path) {
  if (path.find_first_of("*?[") == std::string::npos) return path;
  std::string pattern;
  for (const char c : path) {
    if (std::string_view{"*?[]\\"}.find(c) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

/// RFC 9562 section 5.4.
std::string random_uuid() {
  constexpr std::uint8_t kVersion = 0x40;
  constexpr std::uint8_t kVariant = 0x80;
  auto bytes = crypto::random_array<16>();
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | kVersion);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | kVariant);
  std::string text = base::hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

bool exists(const std::string& path) {
  struct stat facts {};
  return lstat(path.c_str(), &facts) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

}  // namespace

Result<std::vector<std::string>> parse_path_list(std::string_view text) {
  std::vector<std::string> paths;
  std::size_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view path = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (path.ends_with('\r')) path.remove_suffix(1);
    if (path.empty() || path.starts_with('#')) continue;
    if (path.starts_with('+')) {
      return wrong(line, "storing the content of a file is not built yet; leave out the +");
    }
    if (!path.starts_with('/')) return wrong(line, "Not an absolute path; begin it with /");
    if (path.find('\0') != std::string_view::npos || has_dots(path)) {
      return wrong(line, "no path of an object; leave out NUL, . and ..");
    }
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    paths.emplace_back(path);
  }
  if (paths.empty()) return Error{Error::Kind::Malformed, "no path in it; give one a line"};
  return paths;
}

Result<void> settings_for_delta(const Options& options, Settings& settings) {
  const auto bytes = sys::read_file(options.delta_list, kMaxList);
  if (!bytes) return bytes.error().within("Cannot open file for read", options.delta_list);
  const auto paths = parse_path_list(as_text(*bytes));
  if (!paths) return paths.error().within("LIST", options.delta_list);

  settings.action = Action::Init;
  settings.is_daemon = settings.is_forever = false;
  settings.uploads_baseline = false;
  settings.exported.severities = {};
  settings.baseline_path = options.outfile.empty()
                               ? fmt::format("./file.{}.{}", settings.host_name, random_uuid())
                               : options.outfile;
  settings.watches.clear();
  for (const std::string& path : *paths) {
    if (!exists(path)) {
      settings.absent_paths.push_back(path);
      continue;
    }
    policy::Watch watch;
    watch.path = literal_pattern(path);
    settings.watches.push_back(std::move(watch));
  }
  return {};
}

}  // namespace samhain::agent
