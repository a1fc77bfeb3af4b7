#include "agent/listing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <array>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hex.h"
#include "report/form.h"
#include "scan/describe.h"
#include "scan/paths.h"

namespace samhain::agent {

namespace {

/// Escaped as in the classic form of the log: a name is one word on one line, and can be read back.
std::string shown(std::string_view name) { return report::escape(name, report::Form::Classic); }

std::string path_of(std::string_view directory, const baseline::Entry& entry) {
  return scan::join(directory, entry.facts.name);
}

std::string arrow(const FileFacts& facts) {
  return S_ISLNK(facts.mode) ? " -> " + shown(facts.target) : std::string{};
}

bool is_device(const FileFacts& facts) { return S_ISCHR(facts.mode) || S_ISBLK(facts.mode); }

std::string size_or_device(const FileFacts& facts) {
  if (!is_device(facts)) return fmt::format("{:>8}", facts.size);
  return fmt::format("{:>3},{:>4}", major(facts.rdevice), minor(facts.rdevice));
}

/// `Nov 22 20:35` within the current year, else `Mar 04  2019`; UTC.
std::string short_date(std::int64_t seconds, std::int64_t now) {
  tm when{};
  tm today{};
  const time_t time_then = seconds;
  const time_t time_now = now;
  if (gmtime_r(&time_then, &when) == nullptr || gmtime_r(&time_now, &today) == nullptr) return "?";
  std::array<char, 32> text{};
  const char* form = when.tm_year == today.tm_year ? "%b %d %H:%M" : "%b %d  %Y";
  if (strftime(text.data(), text.size(), form, &when) == 0) return "?";
  return text.data();
}

/// What the original calls a checksum, its column filled up where there is none.
std::string digest_or_zeros(const ContentDigest& digest) {
  return digest ? base::hex(digest.view()) : std::string(48, '0');
}

/// What few objects have, at the end of a line: `acl_access:… selinux:… …`; empty: nothing.
std::string rest_of(const FileFacts& facts) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view word, const std::string& text) {
    if (!text.empty()) parts.push_back(std::string{word}.append(shown(text)));
  };
  if (facts.extended) {
    add("", facts.extended->acl);
    add("capabilities:", facts.extended->capabilities);
    add("selinux:", facts.extended->selinux);
    add("xattr:", facts.extended->xattrs);
  }
  if (facts.second_digest) {
    add("second:", base::hex(facts.second_digest.view()));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

/// As CSV wants it: quoted, the quotes within doubled.
std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result.push_back('"');
    result.push_back(c);
  }
  return result.append("\"");
}

std::string stamp(const Timestamp& time) { return "[" + base::utc_time(time.seconds) + "]"; }

}  // namespace

std::string short_line(std::string_view directory, const baseline::Entry& entry, std::int64_t now) {
  const FileFacts& facts = entry.facts;
  return fmt::format("{} {:>3} {:<8} {:<8} {} {} {}{}", scan::mode_text(facts.mode), facts.links,
                     shown(entry.owner), shown(entry.group), size_or_device(facts),
                     short_date(facts.mtime.seconds, now), shown(path_of(directory, entry)),
                     arrow(facts));
}

std::string full_line(std::string_view directory, const baseline::Entry& entry) {
  const FileFacts& facts = entry.facts;
  const std::uint64_t size = is_device(facts) ? facts.rdevice : facts.size;
  const std::string rest = rest_of(facts);
  return fmt::format(
      "{:>8} {:>7} {} {:>5} {} {:>5} {:>3} {:<8} {:>5} {:<8} {:>5} {:>9} {} {} {} {} {}{}{}{}",
      facts.inode, facts.device, scan::mode_text(facts.mode), facts.mode,
      scan::flags_text(facts.flags), facts.flags, facts.links, shown(entry.owner), facts.uid,
      shown(entry.group), facts.gid, size, stamp(facts.ctime), stamp(facts.mtime),
      stamp(facts.atime), digest_or_zeros(facts.digest), shown(path_of(directory, entry)),
      arrow(facts), rest.empty() ? "" : " ", rest);
}

std::string delimited_line(std::string_view directory, const baseline::Entry& entry) {
  const FileFacts& facts = entry.facts;
  const std::uint64_t size = is_device(facts) ? facts.rdevice : facts.size;
  const std::string link = S_ISLNK(facts.mode) ? ", " + in_quotes(shown(facts.target)) : "";
  const std::string rest = rest_of(facts);
  return fmt::format(
      "{:>8}, {:>7}, {}, {:>5}, {}, {:>5}, {:>3}, {:<8}, {:>5}, {:<8}, {:>5}, {:>9}, {}, {}, {}, "
      "{}, {}{}, {}",
      facts.inode, facts.device, scan::mode_text(facts.mode), facts.mode,
      scan::flags_text(facts.flags), facts.flags, facts.links, shown(entry.owner), facts.uid,
      shown(entry.group), facts.gid, size, stamp(facts.ctime), stamp(facts.mtime),
      stamp(facts.atime), digest_or_zeros(facts.digest),
      in_quotes(shown(path_of(directory, entry))), link, rest.empty() ? "no_attr" : rest);
}

}  // namespace samhain::agent
