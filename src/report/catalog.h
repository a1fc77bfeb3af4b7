#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "samhain/report.h"

namespace samhain::report {

/// An event of the catalog: its usual severity and class, its message, and the keys of the fields
/// that follow, in order.  A `%` in a message stands for a value (make_filled).  docs/messages.md
/// is the same table for people, and a test compares the two.
struct Event {
  Severity severity;
  EventClass event_class;
  std::string_view message;
  std::string_view keys;
};

// Start, end and life of a program.
inline constexpr Event kStart{Severity::Alert, EventClass::Start, "START",
                              "program userid path hash"};
inline constexpr Event kExit{Severity::Alert, EventClass::Start, "EXIT", "program status"};
inline constexpr Event kSuspend{Severity::Mark, EventClass::Start, "SUSPEND", "program"};
inline constexpr Event kReloaded{Severity::Crit, EventClass::Start,
                                 "Runtime configuration reloaded", ""};
inline constexpr Event kOldConfigurationStays{Severity::Crit, EventClass::Start,
                                              "Old configuration stays", "path reason"};
inline constexpr Event kAtNextStart{Severity::Warn, EventClass::Start,
                                    "Takes effect at the next start", "option"};
inline constexpr Event kOldCertificateStays{Severity::Crit, EventClass::Err,
                                            "Old certificate stays", "path reason"};
inline constexpr Event kTimestamp{Severity::Mark, EventClass::Stamp, "---- TIMESTAMP ----", ""};
inline constexpr Event kInsecureMemory{Severity::Warn, EventClass::Run, "Using insecure memory",
                                       ""};
inline constexpr Event kCallFailed{Severity::Err, EventClass::Run, "%", "interface path"};
inline constexpr Event kPidFileFailed{Severity::Err, EventClass::Err, "Could not write PID file",
                                      "userid path"};
inline constexpr Event kNoAction{Severity::Err, EventClass::Err,
                                 "No action specified: init, update, or check", ""};
inline constexpr Event kPanicFileNotAccessible{Severity::Alert, EventClass::Panic,
                                               "PANIC - File not accessible", "userid path"};
inline constexpr Event kPanicUntrustedPath{Severity::Alert, EventClass::Panic,
                                           "PANIC - Untrusted path", "userid path"};
inline constexpr Event kPanicInitializing{Severity::Alert, EventClass::Panic,
                                          "PANIC Error initializing the application", "program"};
inline constexpr Event kPanic{Severity::Alert, EventClass::Panic, "PANIC %", "program subroutine"};

// Our processes.
inline constexpr Event kBarriersMissing{Severity::Notice, EventClass::Run,
                                        "Role lacks some of its barriers", "role missing"};
inline constexpr Event kRoleDown{Severity::Err, EventClass::Run, "Role is down", "role reason"};

// Configuration.
inline constexpr Event kInvalidInput{Severity::Warn, EventClass::Einput, "Invalid input",
                                     "option obj"};
inline constexpr Event kInvalidLine{
    Severity::Warn, EventClass::Einput,
    "Invalid line % in configuration file: incorrect format, unrecognized option, or missing "
    "section header",
    ""};
inline constexpr Event kUnknownSection{
    Severity::Warn, EventClass::Einput,
    "Unrecognized section heading in line % of configuration file", ""};
inline constexpr Event kUnsupportedTest{Severity::Err, EventClass::Einput,
                                        "Unsupported test at line % of configuration file", ""};
inline constexpr Event kUnmatchedEnd{Severity::Warn, EventClass::Einput,
                                     "Configuration file: Unmatched @end", "option obj"};
inline constexpr Event kMissingEnd{Severity::Warn, EventClass::Einput,
                                   "Configuration file: Missing @end", "option obj"};
inline constexpr Event kOptionNotBuilt{Severity::Warn, EventClass::Einput, "Option not built yet",
                                       "option line"};
inline constexpr Event kOptionNoUse{Severity::Warn, EventClass::Einput, "Option without use",
                                    "option line"};
inline constexpr Event kSaidTwice{Severity::Warn, EventClass::Einput,
                                  "Said twice where only one can count", "option obj"};
inline constexpr Event kPasswordNotSet{Severity::Err, EventClass::Err,
                                       "No password set in this program", "program"};

// Files that we need, and sinks.
inline constexpr Event kFileNotAccessible{Severity::Err, EventClass::Err, "File not accessible",
                                          "userid path"};
inline constexpr Event kUntrustedPath{Severity::Err, EventClass::Err, "Untrusted path",
                                      "userid path"};
inline constexpr Event kHtmlStatusFailed{Severity::Err, EventClass::Err,
                                         "Error writing HTML status", ""};
inline constexpr Event kClientTableFailed{Severity::Err, EventClass::Err,
                                          "Error writing the client table", ""};
inline constexpr Event kClientTableNotUsed{
    Severity::Warn, EventClass::Err, "Client table not usable, a new one is begun", "path reason"};
inline constexpr Event kTemplateNotUsed{Severity::Warn, EventClass::Err,
                                        "Template not usable, the built-in one is used",
                                        "path reason"};
inline constexpr Event kFileWrittenAgain{Severity::Notice, EventClass::Err, "File is written again",
                                         "path"};
/// The message is sys::Distrust's, the subroutine "trustfile", obj the component to blame.
inline constexpr Event kDistrusted{Severity::Err, EventClass::Err, "%", "subroutine path obj"};
inline constexpr Event kFileLockError{Severity::Err, EventClass::Err, "File lock error",
                                      "userid path obj"};
inline constexpr Event kServiceFailure{Severity::Err, EventClass::Err, "Service failure",
                                       "service obj"};
inline constexpr Event kMissedLines{Severity::Err, EventClass::Err, "Service works again",
                                    "service obj missed"};
inline constexpr Event kQueueFull{Severity::Err, EventClass::Err,
                                  "Queue full, messages may get lost", "service"};
inline constexpr Event kReportsLost{Severity::Crit, EventClass::Err,
                                    "Reports lost, the spool was full", "count"};
inline constexpr Event kSpoolDamaged{Severity::Crit, EventClass::Err,
                                     "Spool damaged, set aside what cannot be read", "path"};

// The server and its clients.
inline constexpr Event kServerUp{Severity::Mark, EventClass::Start,
                                 "Server up, simultaneous connections: %", "socket_id"};
inline constexpr Event kSyslogSocket{Severity::Err, EventClass::Tcp, "syslog socket: %", ""};
/// More packets than the log may be filled with; told once a minute.
inline constexpr Event kSyslogDropped{Severity::Err, EventClass::Tcp, "Syslog messages dropped",
                                      "count"};
inline constexpr Event kNewConnection{Severity::Info, EventClass::Tcp, "New connection",
                                      "socket_id"};
inline constexpr Event kNewClient{Severity::Notice, EventClass::Tcp, "NEW CLIENT", "client"};
inline constexpr Event kConnectionTest{Severity::Notice, EventClass::Tcp, "Connection test",
                                       "client"};
inline constexpr Event kForceAuthentication{Severity::Info, EventClass::Tcp, "Force authentication",
                                            "client"};
inline constexpr Event kRestartWithoutExit{Severity::Crit, EventClass::Tcp,
                                           "Restart without prior exit", "client"};
inline constexpr Event kTimeLimitExceeded{Severity::Crit, EventClass::Tcp, "Time limit exceeded",
                                          "client"};
inline constexpr Event kConnectionTimeout{Severity::Crit, EventClass::Tcp, "Connection timeout",
                                          "client"};
inline constexpr Event kConnectionReset{Severity::Notice, EventClass::Tcp,
                                        "Connection reset by peer", "client"};
inline constexpr Event kHostnameIsNull{Severity::Crit, EventClass::Tcp, "Hostname is NULL", ""};
/// For reasons that have no constant of their own below.
inline constexpr Event kInvalidAttempt{Severity::Crit, EventClass::Tcp,
                                       "Invalid connection attempt: %", "client"};
inline constexpr Event kNotInClientList{Severity::Crit, EventClass::Tcp,
                                        "Invalid connection attempt: Not in client list", "client"};
inline constexpr Event kSessionKeyMismatch{
    Severity::Crit, EventClass::Tcp, "Invalid connection attempt: Session key mismatch", "client"};
inline constexpr Event kSignatureMismatch{
    Severity::Crit, EventClass::Tcp, "Invalid connection attempt: Signature mismatch", "client"};
inline constexpr Event kMsgSignatureMismatch{Severity::Crit, EventClass::Tcp,
                                             "Invalid connection attempt: Msg signature mismatch",
                                             "client"};
inline constexpr Event kTooManyAttempts{Severity::Crit, EventClass::Tcp,
                                        "Invalid connection attempt: Too many attempts", "client"};
inline constexpr Event kRefusedConnection{Severity::Err, EventClass::Err,
                                          "Refused connection from %", "subroutine"};

// Files that the server keeps for its clients.
inline constexpr Event kFileTransferCompleted{Severity::Info, EventClass::Tcp,
                                              "File transfer completed", "client path"};
inline constexpr Event kFileUnchanged{Severity::Info, EventClass::Tcp,
                                      "File not sent, the client has it", "client path"};
inline constexpr Event kRequestedFileNotFound{Severity::Crit, EventClass::Tcp,
                                              "Requested file not found", "client path"};
inline constexpr Event kUnknownFileRequest{Severity::Crit, EventClass::Tcp, "Unknown file request",
                                           "client path"};
inline constexpr Event kFileTooLarge{Severity::Err, EventClass::Err, "File too large",
                                     "userid path"};
inline constexpr Event kBaselineUploaded{Severity::Notice, EventClass::Tcp,
                                         "Baseline uploaded, waits for approval", "client path"};
inline constexpr Event kUploadRefused{Severity::Warn, EventClass::Tcp, "Baseline upload refused",
                                      "client reason"};

// Names of clients; SeverityLookup takes the place of crit.
inline constexpr Event kCannotResolveClient{Severity::Crit, EventClass::Tcp,
                                            "Cannot resolve client name", "host"};
inline constexpr Event kCannotResolvePeer{Severity::Crit, EventClass::Tcp,
                                          "Cannot resolve socket peer IP for client", "host peer"};
inline constexpr Event kReverseLookupFailed{
    Severity::Crit, EventClass::Tcp, "Reverse lookup of socket peer failed", "host peer obj"};
inline constexpr Event kNoPeerAlias{Severity::Crit, EventClass::Tcp,
                                    "No socket peer alias matches client name", "host peer"};

// The client and its server.
inline constexpr Event kSessionKeyNegotiated{Severity::Info, EventClass::Tcp,
                                             "Session key negotiated", ""};
inline constexpr Event kSessionKeyFailed{Severity::Err, EventClass::Tcp,
                                         "Session key negotiation failed", ""};
/// "Connection refused, address 127.0.0.1": subroutine "connect", service "export".
inline constexpr Event kConnectFailed{Severity::Err, EventClass::Enet, "%, address %",
                                      "subroutine service host"};
/// While a connection is open: its end as the client sees it, subroutine "sh_write_select (r)".
inline constexpr Event kPeerReset{Severity::Info, EventClass::Tcp, "Connection reset by peer",
                                  "subroutine"};
inline constexpr Event kConnectionError{Severity::Err, EventClass::Tcp, "Connection error: %",
                                        "port subroutine"};
inline constexpr Event kInvalidConnectionState{Severity::Err, EventClass::Enet,
                                               "Invalid connection state", "expect received"};
inline constexpr Event kConnectionReestablished{Severity::Err, EventClass::Enet,
                                                "Connection reestablished", "service"};
inline constexpr Event kUnexpectedReply{Severity::Err, EventClass::Tcp, "Unexpected reply", ""};

// Commands of an administrator, confirmed by the client (docs/protocol.md section 5).
inline constexpr Event kCommandExecuted{Severity::Notice, EventClass::Run, "Command executed",
                                        "command id"};
inline constexpr Event kCommandRefused{Severity::Notice, EventClass::Run, "Command refused",
                                       "command id reason"};

// Files from the server.
inline constexpr Event kDownloadingConfiguration{Severity::Info, EventClass::Run,
                                                 "Downloading configuration file", ""};
inline constexpr Event kDownloadingBaseline{Severity::Info, EventClass::Run,
                                            "Downloading database file", ""};
inline constexpr Event kDownloadCompleted{Severity::Info, EventClass::Run,
                                          "File download completed", ""};
inline constexpr Event kDownloadFailed{Severity::Err, EventClass::Err, "File download failed",
                                       "reason"};
inline constexpr Event kUploadingBaseline{Severity::Info, EventClass::Run,
                                          "Uploading database file", "path"};
inline constexpr Event kBaselineSent{Severity::Notice, EventClass::Run,
                                     "Baseline sent, waits for approval", "path hash remedy"};
inline constexpr Event kBaselineNotSent{Severity::Err, EventClass::Err, "Baseline upload failed",
                                        "path reason remedy"};
inline constexpr Event kDeltaDownloaded{Severity::Crit, EventClass::Run,
                                        "Delta database downloaded", "path"};
inline constexpr Event kDeltaFailed{Severity::Crit, EventClass::Run,
                                    "Delta database download failed", "path"};
inline constexpr Event kDeltaRetried{Severity::Notice, EventClass::Run,
                                     "Retrying download of delta DB", "subroutine path"};
inline constexpr Event kDeltaSkipped{Severity::Warn, EventClass::Run,
                                     "Download of delta DB skipped, not initialized yet",
                                     "subroutine path"};
inline constexpr Event kTryingLocalFile{Severity::Info, EventClass::Run,
                                        "No file from server, trying local file", ""};

// Findings; the policy's severity takes the place of crit.
/// Filled with the policy's tag and the change code: "POLICY [ReadOnly] C-------TS".
inline constexpr Event kPolicyChanged{Severity::Crit, EventClass::Event, "POLICY % %", "path"};
inline constexpr Event kPolicyAdded{Severity::Crit, EventClass::Event, "POLICY ADDED", "path"};
inline constexpr Event kPolicyMissing{Severity::Crit, EventClass::Event, "POLICY MISSING", "path"};
inline constexpr Event kPolicyNoDirectory{Severity::Crit, EventClass::Event, "POLICY NODIRECTORY",
                                          "path"};

// The course of a file check.
inline constexpr Event kCheckStarting{Severity::Mark, EventClass::Stamp, "File check starting.",
                                      ""};
inline constexpr Event kCheckCompleted{Severity::Mark, EventClass::Stamp, "File check completed.",
                                       "time kBps"};
/// Once a minute where no terminal shows it; then percent and left, where they are known.
inline constexpr Event kCheckRunning{Severity::Info, EventClass::Stamp, "File check running.",
                                     "time files kBps"};
inline constexpr Event kCheckCutOff{Severity::Mark, EventClass::Stamp,
                                    "File check was cut off by the end of the program",
                                    "time files"};
inline constexpr Event kCheckResumed{Severity::Mark, EventClass::Stamp,
                                     "File check goes on where it was", "directories files"};
inline constexpr Event kPressureUnknown{Severity::Notice, EventClass::Run,
                                        "Pressure of this host is not known", "path"};
inline constexpr Event kNothingToCheck{Severity::Warn, EventClass::Fil,
                                       "No files or directories defined for checking", ""};
/// %SCHEDULE_TWO without FileCheckScheduleTwo.
inline constexpr Event kNoSecondSchedule{
    Severity::Warn, EventClass::Fil,
    "No second schedule, its directories are checked with the first", "option"};
inline constexpr Event kFixedParent{Severity::Warn, EventClass::Fil,
                                    "Writeable file with timestamps of parent directory fixed",
                                    "dir path"};
/// A directory that is entered, or a configured file.
inline constexpr Event kChecking{Severity::Info, EventClass::Fil, "Checking", "path"};
/// Entries of a directory by their types.
inline constexpr Event kEntryTypes{Severity::Info, EventClass::Fil,
                                   "d: %, -: %, l: %, |: %, s: %, c: %, b: %", "path"};
inline constexpr Event kCheckFailed{Severity::Notice, EventClass::Fil, "Check failed", "path"};
inline constexpr Event kGlobFailed{Severity::Err, EventClass::Fil, "%", "interface path"};
inline constexpr Event kAppearsTwice{Severity::Warn, EventClass::Fil,
                                     "File or directory appears twice in configuration", "path"};
/// The errno text, by make_interface: the field `interface` comes before `msg`.
inline constexpr Event kInterfaceFailed{Severity::Crit, EventClass::Fil, "%", "userid path"};
inline constexpr Event kOpendirFailed{Severity::Crit, EventClass::Fil, "%", "interface path"};
inline constexpr Event kReadlinkFailed{Severity::Crit, EventClass::Fil, "%", "interface path"};
inline constexpr Event kNoSuchGroup{Severity::Crit, EventClass::Fil, "No such group",
                                    "interface group path"};
inline constexpr Event kNoSuchUser{Severity::Crit, EventClass::Fil, "No such user",
                                   "interface userid path"};
inline constexpr Event kWeirdFilename{Severity::Crit, EventClass::Fil, "Weird filename", "path"};
/// A text that is to be kept and was not.
inline constexpr Event kContentTooLarge{Severity::Warn, EventClass::Fil,
                                        "compressed file too large (% bytes)", "subroutine path"};
/// The directory's path, how many sub-directories it has with `.` and `..`, and its link count.
inline constexpr Event kHardlinkMismatch{
    Severity::Crit, EventClass::Err, "%: subdirectory count (%) != hardlinks (%)", "subroutine"};
inline constexpr Event kSlowOpen{Severity::Err, EventClass::Fil,
                                 "Large lstat/open overhead (% sec)", "path"};
inline constexpr Event kDanglingLink{Severity::Info, EventClass::Fil, "Dangling link",
                                     "path linked_path"};
inline constexpr Event kNotRegular{Severity::Crit, EventClass::Fil, "Not a regular file", "path"};
inline constexpr Event kChecksumTimeout{Severity::Err, EventClass::Fil,
                                        "Timeout (% sec) while checksumming file", "path"};
inline constexpr Event kFileUnstable{Severity::Err, EventClass::Fil,
                                     "File changes while it is read", "path"};
inline constexpr Event kBaselineExists{Severity::Warn, EventClass::Fil, "Signature database exists",
                                       "path"};
inline constexpr Event kBaselineWritten{Severity::Info, EventClass::Fil, "Baseline written",
                                        "path files"};
inline constexpr Event kBaselineUpdated{Severity::Mark, EventClass::Fil, "Baseline updated",
                                        "path accepted who reason"};
inline constexpr Event kChangeAccepted{Severity::Mark, EventClass::Fil, "Change accepted",
                                       "path change who reason"};
inline constexpr Event kNothingToAccept{Severity::Warn, EventClass::Fil, "Nothing to accept",
                                        "path reason"};
inline constexpr Event kNoTerminal{Severity::Err, EventClass::Err,
                                   "Cannot continue: stdin is not a terminal", ""};
inline constexpr Event kBaselineRefused{Severity::Alert, EventClass::Panic,
                                        "PANIC - Baseline refused", "path reason"};
inline constexpr Event kBaselineLocked{
    Severity::Err, EventClass::Fil, "Failed to lock baseline database", "subroutine path reason"};
inline constexpr Event kPanicNoData{Severity::Alert, EventClass::Panic, "PANIC - No data in file",
                                    "path"};
inline constexpr Event kDatabaseImported{
    Severity::Info, EventClass::Fil, "Signature database imported", "path files absent skipped"};
inline constexpr Event kDatabaseCut{Severity::Warn, EventClass::Fil,
                                    "Signature database ends within a record", "path"};
inline constexpr Event kDigestsNotCompared{
    Severity::Warn, EventClass::Fil,
    "Contents digested with TIGER192 are compared by all other attributes only", "path remedy"};

/// A report of `event`, fields after `msg` in the order given.
Report make(const Event& event, std::int64_t time_ns, std::vector<Field> fields_after_message = {});

/// The same with `values` in the places of the message's `%`, first to last.
Report make_filled(const Event& event, std::initializer_list<std::string_view> values,
                   std::int64_t time_ns, std::vector<Field> fields_after_message = {});

/// The same for a failed call on an object: `interface=<lstat>, msg=<text>, …`, in this order.
Report make_interface(const Event& event, std::string_view interface, std::string_view text,
                      std::int64_t time_ns, std::vector<Field> fields_after_message = {});

}  // namespace samhain::report
