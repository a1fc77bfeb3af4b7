#pragma once

#include <memory>
#include <span>

#include "sys/channel.h"
#include "sys/loop.h"
#include "sys/sandbox.h"

namespace samhain::server {

/// What front, gate, resolver and syslog have in common once they are locked in: a loop and a
/// channel to the keeper, whose end ends the process.
struct RoleProcess {
  std::unique_ptr<sys::Loop> loop;
  std::unique_ptr<sys::Channel> keeper;
};

/// Locks this process in, tells the keeper, and opens the channel.  Ends the process (base::die)
/// where a step fails: a role without its barriers must not run.
RoleProcess enter_role(const sys::Confinement& confinement, std::span<const sys::Rule> rules,
                       sys::Channel::OnMessage on_message);

/// The mains of the roles; they return the exit status.
int run_front();
int run_gate();
int run_resolver();
int run_syslog();

}  // namespace samhain::server
