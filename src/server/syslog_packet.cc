#include "server/syslog_packet.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace samhain::server {
namespace {

constexpr unsigned kHighest = 255 * 8 + 7;  ///< so that the facility fits its byte

constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "none",   "none",   "none",   "none",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr std::array<std::string_view, 8> kPriorities = {"emerg",   "alert",  "crit", "err",
                                                         "warning", "notice", "info", "debug"};

/// The number between `<` and `>` at the beginning, and how long that is.
struct Head {
  unsigned number = 0;
  std::size_t size = 0;
};

std::optional<Head> head_of(std::string_view text) {
  constexpr std::size_t kMostDigits = 4;
  if (!text.starts_with('<')) return std::nullopt;
  const std::size_t end = text.find('>');
  if (end == std::string_view::npos || end < 2 || end > kMostDigits + 1) return std::nullopt;
  const auto number = base::to_number<unsigned>(text.substr(1, end - 1));
  if (!number || *number > kHighest) return std::nullopt;
  return Head{*number, end + 1};
}

}  // namespace

SyslogPacket parse_syslog(ByteView packet) {
  SyslogPacket parsed;
  parsed.text = as_text(packet.first(std::min(packet.size(), kMaxSyslogPacket)));
  if (const auto head = head_of(parsed.text)) {
    parsed.facility = static_cast<std::uint8_t>(head->number / 8);
    parsed.priority = static_cast<std::uint8_t>(head->number % 8);
    parsed.text.remove_prefix(head->size);
  }
  if (parsed.text.ends_with('\n')) parsed.text.remove_suffix(1);
  return parsed;
}

std::string_view facility_word(std::uint8_t facility) {
  return facility < kFacilities.size() ? kFacilities[facility] : "none";
}

std::string_view priority_word(std::uint8_t priority) { return kPriorities[priority % 8]; }

}  // namespace samhain::server
