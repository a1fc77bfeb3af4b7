#include "config/known.h"

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
    "Prelink Mail External Database Utmp Mounts UserFiles SuidCheck ProcessCheck PortCheck "
    "Logmon Inotify";

constexpr std::string_view kAgentLog =
    "SyslogSeverity MailSeverity ExternalSeverity DatabaseSeverity PreludeSeverity SyslogClass "
    "MailClass ExternalClass DatabaseClass PreludeClass LogCalls SyslogFacility SyslogMapStampTo";

constexpr std::string_view kAgentMisc =
    "FileCheckScheduleOne FileCheckScheduleTwo SetIOLimit SetDropCache AvoidBlock "
    "StartupLoadDelay SetTimeServer SetReverseLookup SetReportFile SetReportGroup "
    "VersionString SamhainPath SyslogFacility SyslogMapStampTo MACType "
    "MessageQueueActive UseCaps SetSigtrapMaxDuration RedefReadOnly RedefLogFiles "
    "RedefGrowingLogFiles RedefAttributes RedefIgnoreNone RedefIgnoreAll RedefUser0 "
    "RedefUser1 RedefUser2 RedefUser3 RedefUser4 RedefPrelink ReportCheckflags "
    "UseHardlinkCheck HardlinkOffset LooseDirCheck AddOKChars FilenamesAreUTF8 IgnoreAdded "
    "IgnoreMissing IgnoreModified SkipChecksum FileType UseACLCheck UseSelinuxCheck "
    "UseRsrcCheck SetAuditdFlags SetPrelinkPath SetPrelinkChecksum SetFullSilent "
    "PreludeProfile PreludeMapToInfo PreludeMapToLow PreludeMapToMedium PreludeMapToHigh";

/// Under [Client] and [Misc].
constexpr std::string_view kAgentClient = "SetThrottle SetDeltaRetryCount SetDeltaRetryInterval";

constexpr std::string_view kAgentEventSeverity = "SeverityPrelink";

constexpr std::string_view kPolicySections =
    "ReadOnly LogFiles GrowingLogFiles IgnoreNone IgnoreAll Attributes User0 User1 User2 "
    "User3 User4";

constexpr std::string_view kScheduleMarks = "%SCHEDULE_TWO !%SCHEDULE_TWO";

constexpr std::string_view kServerSections = "Mail External Database EventSeverity";

constexpr std::string_view kServerLog =
    "MailSeverity SyslogSeverity ExportSeverity ExternalSeverity DatabaseSeverity "
    "PreludeSeverity MailClass SyslogClass ExportClass PreludeClass "
    "ExternalClass DatabaseClass LogCalls SyslogFacility SyslogMapStampTo";

constexpr std::string_view kServerMisc =
    "SetConsole MessageQueueActive SetReportFile SetReportGroup "
    "SetFilecheckTime SetReverseLookup SetBindAddress SetTimeServer SetDatabasePath MACType "
    "AvoidBlock SamhainPath PreludeProfile PreludeMapToInfo PreludeMapToLow "
    "PreludeMapToMedium PreludeMapToHigh SyslogFacility SyslogMapStampTo";

/// Under [Server] and [Misc].
constexpr std::string_view kServerBoth =
    "SetSocketPassword UseSeparateLogs SetConnectionTimeout "
    "SetUDPActive SetChrootDir SetLogServer";

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
  add(table, "EventSeverity", kAgentEventSeverity);
  add(table, kPolicySections, kScheduleMarks);
  return table;
}

std::vector<NotBuilt> make_server_table() {
  std::vector<NotBuilt> table;
  add_whole(table, kServerSections);
  add(table, "Log", kServerLog);
  add(table, "Misc", kServerMisc);
  add(table, "Misc", kMail);
  add(table, "Server Misc", kServerBoth);
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
