#include "agent/listing.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/clock.h"
#include "base/hex.h"
#include "report/form.h"
#include "scan/describe.h"

namespace samhain::agent {

namespace {

/// Escaped as in the classic form of the log: a name is one word on one line, and can be read back.
std::string shown(std::string_view name) { return report::escape(name, report::Form::Classic); }

std::string path_of(std::string_view directory, const baseline::Entry& entry) {
  std::string path{directory};
  if (!path.ends_with('/')) path.push_back('/');
  return path.append(entry.facts.name);
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
  const std::string digest = facts.digest ? base::hex(facts.digest.view()) : std::string(48, '0');
  return fmt::format(
      "{:>8} {:>7} {} {:>5} {} {:>5} {:>3} {:<8} {:>5} {:<8} {:>5} {:>9} {} {} {} {} {}{}",
      facts.inode, facts.device, scan::mode_text(facts.mode), facts.mode,
      scan::flags_text(facts.flags), facts.flags, facts.links, shown(entry.owner), facts.uid,
      shown(entry.group), facts.gid, size, stamp(facts.ctime), stamp(facts.mtime),
      stamp(facts.atime), digest, shown(path_of(directory, entry)), arrow(facts));
}

Result<void> list_baseline(const std::string& path, std::span<const uid_t> trusted,
                           bool with_all_details) {
  const auto key = baseline::load_key(path);
  if (!key) return key.error();
  auto reader = baseline::Reader::open(path, *key, trusted);
  if (!reader) return reader.error();
  const auto directories = (*reader)->directories();
  if (!directories) return directories.error();

  const std::int64_t now = base::SystemClock{}.now_ns() / 1'000'000'000;
  for (const std::string& directory : *directories) {
    const auto entries = (*reader)->directory(directory);
    if (!entries) return entries.error();
    for (const baseline::Entry& entry : *entries) {
      const std::string line =
          with_all_details ? full_line(directory, entry) : short_line(directory, entry, now);
      if (std::puts(line.c_str()) < 0) return system_error("standard output", errno);
    }
  }
  if (std::fflush(stdout) != 0) return system_error("standard output", errno);
  return {};
}

}  // namespace samhain::agent
