#include "config/known.h"

#include <span>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace samhain::config {
namespace {

// Each list is the words between blanks.

/// Of [Mail]; the original takes them under [Misc] too.
constexpr std::string_view kMail =
    "SetMailAddress CloseAddress SetAddrSeverity SetMailFilterNot SetMailFilterAnd "
    "SetMailFilterOr SetMailAlias SetMailTime SetMailNum SetMailRelay SetMailPort MailSingle "
    "MailSubject SetMailSender";

/// Whole sections: modules and sinks to come.
constexpr std::string_view kAgentSections =
    "Mail External Database Utmp Mounts UserFiles SuidCheck ProcessCheck PortCheck "
    "Logmon Inotify";

constexpr std::string_view kAgentLog =
    "SyslogSeverity MailSeverity ExternalSeverity DatabaseSeverity PreludeSeverity SyslogClass "
    "MailClass ExternalClass DatabaseClass PreludeClass SyslogFacility SyslogMapStampTo";

constexpr std::string_view kAgentMisc =
    "SetReportFile SetReportGroup "
    "VersionString SamhainPath SyslogFacility SyslogMapStampTo "
    "SetAuditdFlags SetPrelinkPath "
    "SetPrelinkChecksum "
    "PreludeProfile PreludeMapToInfo PreludeMapToLow PreludeMapToMedium PreludeMapToHigh";

/// Under [Client] and [Misc].
constexpr std::string_view kAgentClient = "SetThrottle";

constexpr std::string_view kServerSections = "Mail External Database EventSeverity";

constexpr std::string_view kServerLog =
    "MailSeverity SyslogSeverity ExternalSeverity DatabaseSeverity "
    "PreludeSeverity MailClass SyslogClass PreludeClass "
    "ExternalClass DatabaseClass SyslogFacility SyslogMapStampTo";

constexpr std::string_view kServerMisc =
    "SetConsole "
    "SetReverseLookup "
    "SamhainPath PreludeProfile PreludeMapToInfo PreludeMapToLow "
    "PreludeMapToMedium PreludeMapToHigh SyslogFacility SyslogMapStampTo";

/// Options that make no sense here, and why.
struct NoUse {
  std::string_view sections;
  std::string_view keys;
  std::string_view why;
};

constexpr NoUse kOfBoth[] = {
    {"Log", "LogCalls",
     "no use any more, because each process can make the few system calls that it needs and no "
     "others; leave it out"},
    {"Misc", "SetTimeServer",
     "no use any more, because the time is that of the system's clock; keep that right with NTP"},
    {"Misc", "MACType",
     "no use any more, because protocol 3 knows one MAC, HMAC-SHA-256; leave it out"},
    {"Misc", "MessageQueueActive",
     "no use any more, because there is no message queue; read the log file instead"}};

constexpr NoUse kOfAgent[] = {
    {"Misc", "AvoidBlock",
     "no use any more, because a file system that hangs stops one measuring process only; "
     "SetMeasureTimeout says for how long"},
    {"Misc", "UseCaps",
     "no use any more, because capabilities that are not needed are always given up; leave it out"},
    {"Misc", "SetSigtrapMaxDuration",
     "no use any more, because no process can be traced anyway; leave it out"},
    {"Misc", "UseRsrcCheck",
     "no use here, because only file systems of the Macintosh have resource forks; leave it out"},
    {"Misc", "SetReverseLookup",
     "no use any more, because the server proves by the password who it is, whatever its name "
     "resolves to; leave it out"}};

constexpr NoUse kOfServer[] = {
    {"Misc", "AvoidBlock",
     "no use any more, because the server opens no file on a network; leave it out"},
    {"Misc", "SetReportFile SetReportGroup SetFilecheckTime",
     "no use on a server, because it checks no files; set it in samhainrc"},
    {"Misc", "SetDatabasePath",
     "no use on a server, because it has no baseline of its own; those of clients lie in its data "
     "directory"},
    {"Server Misc", "SetSocketPassword",
     "no use any more, because the kernel tells who uses the command socket; SetSocketAllowUid "
     "names the user who may"}};

void add(std::vector<NotBuilt>& table, std::span<const NoUse> options) {
  for (const NoUse& one : options) {
    for (const std::string_view section : base::split(one.sections, " ")) {
      for (const std::string_view key : base::split(one.keys, " ")) {
        table.push_back(NotBuilt{section, key, one.why});
      }
    }
  }
}

void add(std::vector<NotBuilt>& table, std::string_view sections, std::string_view keys) {
  for (const std::string_view section : base::split(sections, " ")) {
    for (const std::string_view key : base::split(keys, " ")) {
      table.push_back(NotBuilt{section, key});
    }
  }
}

void add_whole(std::vector<NotBuilt>& table, std::string_view sections) {
  for (const std::string_view section : base::split(sections, " ")) {
    table.push_back(NotBuilt{section, {}});
  }
}

std::vector<NotBuilt> make_agent_table() {
  std::vector<NotBuilt> table;
  add_whole(table, kAgentSections);
  add(table, "Log", kAgentLog);
  add(table, "Misc", kAgentMisc);
  add(table, "Misc", kMail);
  add(table, "Client Misc", kAgentClient);
  add(table, kOfBoth);
  add(table, kOfAgent);
  return table;
}

std::vector<NotBuilt> make_server_table() {
  std::vector<NotBuilt> table;
  add_whole(table, kServerSections);
  add(table, "Log", kServerLog);
  add(table, "Misc", kServerMisc);
  add(table, "Misc", kMail);
  add(table, kOfBoth);
  add(table, kOfServer);
  return table;
}

}  // namespace

std::span<const NotBuilt> agent_not_built() {
  static const std::vector<NotBuilt> table = make_agent_table();
  return table;
}

std::span<const NotBuilt> server_not_built() {
  static const std::vector<NotBuilt> table = make_server_table();
  return table;
}

}  // namespace samhain::config
