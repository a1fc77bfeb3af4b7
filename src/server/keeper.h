#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "samhain/result.h"
#include "server/config_file.h"
#include "server/journal.h"
#include "server/options.h"
#include "server/relay_spool.h"
#include "server/site_certificate.h"
#include "sink/console.h"
#include "sys/daemon.h"
#include "sys/loop.h"
#include "sys/remover.h"

namespace samhain::server {

/// What start-up prepared, partly as root, for the keeper to work with; root is gone by now.
struct Ground {
  Options options;
  ConfigSource source;
  ConfigFile config;
  std::vector<UniqueFd> listeners;
  std::optional<SiteCertificate> certificate;
  std::vector<UniqueFd> syslog_sockets;  ///< none: no syslog reception
  UniqueFd control_listener;             ///< -1: no command socket
  std::unique_ptr<Journal> journal;
  RelaySettings relay;                      ///< with what the command line says
  std::unique_ptr<RelaySpool> relay_spool;  ///< null: nothing goes on to another server
  std::string jail_path;                    ///< that we are in; empty: none
  /// Set in a jail: of the pid file and the command socket, which lie outside.
  std::optional<sys::Remover> remover;
  std::optional<sys::PidFile> pid_file;
  std::optional<sys::Detached> detached;
  std::string missing_barriers;  ///< of the keeper itself
};

/// The parent of all roles: it alone holds session keys and writes the log.
class Keeper {
 public:
  /// Errors: what the start met, told already.
  static Result<std::unique_ptr<Keeper>> create(const base::Clock& clock, Ground ground);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Until a signal ends it, or a role that does not come up at the start; the exit status.
  int run();

 private:
  struct Parts;
  explicit Keeper(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace samhain::server
