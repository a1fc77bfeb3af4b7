#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/role.h"

namespace samhain::server {

/// The processes of one role, numbered from 0.
class RoleGroup {
 public:
  struct Plan {
    std::string name;
    std::size_t count = 1;
    std::span<const sys::Rule> rules;
    std::function<Bytes()> set_up;
    /// False: a message that this role, taken over or not, must never send; it is started anew.
    std::function<bool(std::size_t index, std::uint16_t kind, ByteView payload)> on_message;
    std::function<void(std::size_t index, std::string_view missing_barriers)> on_ready;
    std::function<void(std::size_t index, const Error& why)> on_down;
  };
  static Result<std::unique_ptr<RoleGroup>> start(sys::Loop& loop, Plan plan);

  std::size_t size() const { return roles_.size(); }
  const std::string& name() const { return plan_.name; }
  bool is_ready() const;  ///< all of them
  bool is_up(std::size_t index) const { return roles_[index]->is_ready(); }
  pid_t pid(std::size_t index) const { return roles_[index]->pid(); }
  /// The next one that is up, in turn; size() if none is.
  std::size_t next();

  /// What waits for one role at most: one that does not read is started anew, before the parent
  /// runs out of memory.
  static constexpr std::size_t kMaxQueued = 16U << 20;

  /// To one that is down, or does not read: false, nothing was sent.
  bool send(std::size_t index, std::uint16_t kind, ByteView payload);
  bool send(std::size_t index, std::uint16_t kind, ByteView payload, UniqueFd descriptor);
  bool send_secret(std::size_t index, std::uint16_t kind, ByteView payload);
  void restart(std::size_t index) { roles_[index]->restart(); }
  void replace(std::size_t index) { roles_[index]->replace(); }  ///< see sys::Role::replace()

 private:
  explicit RoleGroup(Plan plan) : plan_(std::move(plan)) {}
  sys::Role::Spec spec(std::size_t index);
  sys::Channel* channel_of(std::size_t index);
  Plan plan_;
  std::vector<std::unique_ptr<sys::Role>> roles_;
  std::size_t turn_ = 0;
};

}  // namespace samhain::server
