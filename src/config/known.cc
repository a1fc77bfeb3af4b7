#include "config/known.h"

#include <array>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace samhain::config {
namespace {

using Words = std::span<const std::string_view>;

/// Of [Mail]; the original takes them under [Misc] too.
constexpr auto kMail = std::to_array<std::string_view>(
    {"SetMailAddress", "CloseAddress", "SetAddrSeverity", "SetMailFilterNot", "SetMailFilterAnd",
     "SetMailFilterOr", "SetMailAlias", "SetMailTime", "SetMailNum", "SetMailRelay", "SetMailPort",
     "MailSingle", "MailSubject", "SetMailSender"});

/// Whole sections: modules and sinks to come.
constexpr auto kAgentSections = std::to_array<std::string_view>(
    {"Prelink", "Mail", "External", "Database", "Utmp", "Mounts", "UserFiles", "SuidCheck",
     "ProcessCheck", "PortCheck", "Logmon", "Inotify"});

constexpr auto kAgentLog = std::to_array<std::string_view>(
    {"SyslogSeverity", "MailSeverity", "ExternalSeverity", "DatabaseSeverity", "PreludeSeverity",
     "PrintClass", "LogClass", "SyslogClass", "MailClass", "ExternalClass", "DatabaseClass",
     "PreludeClass", "ExportClass", "LogCalls", "SyslogFacility", "SyslogMapStampTo"});

constexpr auto kAgentMisc = std::to_array<std::string_view>({"FileCheckScheduleOne",
                                                             "FileCheckScheduleTwo",
                                                             "SetIOLimit",
                                                             "SetDropCache",
                                                             "AvoidBlock",
                                                             "StartupLoadDelay",
                                                             "SetConsole",
                                                             "SetTimeServer",
                                                             "SetReverseLookup",
                                                             "SetReportFile",
                                                             "SetReportGroup",
                                                             "VersionString",
                                                             "SamhainPath",
                                                             "MessageHeader",
                                                             "SyslogFacility",
                                                             "SyslogMapStampTo",
                                                             "MACType",
                                                             "MessageQueueActive",
                                                             "UseCaps",
                                                             "SetSigtrapMaxDuration",
                                                             "DigestAlgo",
                                                             "RedefReadOnly",
                                                             "RedefLogFiles",
                                                             "RedefGrowingLogFiles",
                                                             "RedefAttributes",
                                                             "RedefIgnoreNone",
                                                             "RedefIgnoreAll",
                                                             "RedefUser0",
                                                             "RedefUser1",
                                                             "RedefUser2",
                                                             "RedefUser3",
                                                             "RedefUser4",
                                                             "RedefPrelink",
                                                             "ReportCheckflags",
                                                             "UseHardlinkCheck",
                                                             "HardlinkOffset",
                                                             "LooseDirCheck",
                                                             "AddOKChars",
                                                             "FilenamesAreUTF8",
                                                             "IgnoreAdded",
                                                             "IgnoreMissing",
                                                             "IgnoreModified",
                                                             "SkipChecksum",
                                                             "FileType",
                                                             "UseACLCheck",
                                                             "UseSelinuxCheck",
                                                             "UseRsrcCheck",
                                                             "SetAuditdFlags",
                                                             "SetPrelinkPath",
                                                             "SetPrelinkChecksum",
                                                             "SetFullSilent",
                                                             "PreludeProfile",
                                                             "PreludeMapToInfo",
                                                             "PreludeMapToLow",
                                                             "PreludeMapToMedium",
                                                             "PreludeMapToHigh"});

/// Under [Client] and [Misc].
constexpr auto kAgentClient =
    std::to_array<std::string_view>({"SetThrottle", "SetDeltaRetryCount", "SetDeltaRetryInterval"});

constexpr auto kAgentEventSeverity = std::to_array<std::string_view>({"SeverityPrelink"});

constexpr auto kPolicySections = std::to_array<std::string_view>(
    {"ReadOnly", "LogFiles", "GrowingLogFiles", "IgnoreNone", "IgnoreAll", "Attributes", "User0",
     "User1", "User2", "User3", "User4"});

constexpr auto kScheduleMarks =
    std::to_array<std::string_view>({"%SCHEDULE_TWO", "!%SCHEDULE_TWO"});

constexpr auto kServerSections =
    std::to_array<std::string_view>({"Mail", "External", "Database", "EventSeverity"});

constexpr auto kServerLog = std::to_array<std::string_view>(
    {"MailSeverity", "SyslogSeverity", "ExportSeverity", "ExternalSeverity", "DatabaseSeverity",
     "PreludeSeverity", "PrintClass", "LogClass", "MailClass", "SyslogClass", "ExportClass",
     "PreludeClass", "ExternalClass", "DatabaseClass", "LogCalls", "SyslogFacility",
     "SyslogMapStampTo"});

constexpr auto kServerMisc = std::to_array<std::string_view>({"MessageHeader",
                                                              "SetConsole",
                                                              "MessageQueueActive",
                                                              "SetReportFile",
                                                              "SetReportGroup",
                                                              "SetFilecheckTime",
                                                              "SetReverseLookup",
                                                              "SetBindAddress",
                                                              "SetTimeServer",
                                                              "SetDatabasePath",
                                                              "MACType",
                                                              "AvoidBlock",
                                                              "SamhainPath",
                                                              "PreludeProfile",
                                                              "PreludeMapToInfo",
                                                              "PreludeMapToLow",
                                                              "PreludeMapToMedium",
                                                              "PreludeMapToHigh",
                                                              "SyslogFacility",
                                                              "SyslogMapStampTo"});

/// Under [Server] and [Misc].
constexpr auto kServerBoth = std::to_array<std::string_view>(
    {"SetSocketPassword", "UseSeparateLogs", "UseClientSeverity", "UseClientClass",
     "SetClientTimeLimit", "SetConnectionTimeout", "SetUDPActive", "SetChrootDir", "SetLogServer"});

void add(std::vector<NotBuilt>& table, std::initializer_list<std::string_view> sections,
         Words keys) {
  for (const std::string_view section : sections) {
    for (const std::string_view key : keys) table.push_back(NotBuilt{section, key});
  }
}

void add_whole(std::vector<NotBuilt>& table, Words sections) {
  for (const std::string_view section : sections) table.push_back(NotBuilt{section, {}});
}

std::vector<NotBuilt> make_agent_table() {
  std::vector<NotBuilt> table;
  add_whole(table, kAgentSections);
  add(table, {"Log"}, kAgentLog);
  add(table, {"Misc"}, kAgentMisc);
  add(table, {"Misc"}, kMail);
  add(table, {"Client", "Misc"}, kAgentClient);
  add(table, {"EventSeverity"}, kAgentEventSeverity);
  for (const std::string_view section : kPolicySections) add(table, {section}, kScheduleMarks);
  return table;
}

std::vector<NotBuilt> make_server_table() {
  std::vector<NotBuilt> table;
  add_whole(table, kServerSections);
  add(table, {"Log"}, kServerLog);
  add(table, {"Misc"}, kServerMisc);
  add(table, {"Misc"}, kMail);
  add(table, {"Server", "Misc"}, kServerBoth);
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
