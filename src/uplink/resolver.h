#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "samhain/result.h"
#include "sys/loop.h"
#include "sys/role.h"
#include "uplink/requests.h"

namespace samhain::uplink {

/// One question to DNS, asked by a process of its own that is gone afterwards: answers of strangers
/// are parsed far from the password.
class Lookup {
 public:
  /// Errors: Timeout, Malformed, Missing (the process ended without an answer).
  using OnDone = std::function<void(Result<Resolved>)>;

  static constexpr std::chrono::seconds kLimit{20};

  /// `on_done` is called once, from the loop; it may destroy the Lookup.
  /// `role` is that of run_resolver() in this program.  Errors: System (no process could be
  /// started).
  static Result<std::unique_ptr<Lookup>> start(sys::Loop& loop, Question question, OnDone on_done,
                                               std::string role = "resolver");
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

 private:
  Lookup(sys::Loop& loop, OnDone on_done) : loop_(loop), on_done_(std::move(on_done)) {}
  void finish(Result<Resolved> result);

  sys::Loop& loop_;
  OnDone on_done_;
  sys::Loop::Timer timer_ = 0;
  std::unique_ptr<sys::Role> role_;
};

/// What this host calls itself (sys::own_name), found out in a process of its own, on a loop of its
/// own: blocks until it is known.
Result<std::string> find_own_name();

/// The resolver's own main: `samhain --role=resolver`.  Returns the exit status.
/// `may_share_user`: it is meant to run as its parent's user (sys::Confinement).
int run_resolver(bool may_share_user = false);

}  // namespace samhain::uplink
