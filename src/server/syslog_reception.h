#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "samhain/handle.h"
#include "server/notices.h"
#include "server/role_group.h"

namespace samhain::server {

/// The keeper's side of syslog reception: the bound sockets, the role that reads them, and the
/// lines that it hands over (docs/log-format.md).
class SyslogReception {
 public:
  struct Hooks {
    std::function<void(std::string_view missing_barriers)> on_ready;
    std::function<void(const Error& why)> on_down;
  };
  static Result<std::unique_ptr<SyslogReception>> start(sys::Loop& loop, const base::Clock& clock,
                                                        Notices& notices,
                                                        std::vector<UniqueFd> sockets, Hooks hooks);
  bool is_ready() const { return role_->is_ready(); }
  pid_t pid() const { return role_->pid(0); }

 private:
  SyslogReception(const base::Clock& clock, Notices& notices, std::vector<UniqueFd> sockets)
      : clock_(clock), notices_(notices), sockets_(std::move(sockets)) {}
  void hand_over();
  bool take(std::uint16_t kind, ByteView payload);
  bool log(ByteView payload);

  const base::Clock& clock_;
  Notices& notices_;
  std::vector<UniqueFd> sockets_;
  std::unique_ptr<RoleGroup> role_;
};

}  // namespace samhain::server
