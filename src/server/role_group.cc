#include "server/role_group.h"

#include <algorithm>
#include <utility>

namespace samhain::server {

Result<std::unique_ptr<RoleGroup>> RoleGroup::start(sys::Loop& loop, Plan plan) {
  std::unique_ptr<RoleGroup> group(new RoleGroup(std::move(plan)));
  for (std::size_t i = 0; i < group->plan_.count; ++i) {
    auto role = sys::Role::start(loop, group->spec(i));
    if (!role) return role.error().within("role", group->plan_.name);
    group->roles_.push_back(std::move(*role));
  }
  return group;
}

sys::Role::Spec RoleGroup::spec(std::size_t index) {
  sys::Role::Spec spec;
  spec.name = plan_.name;
  spec.rules = plan_.rules;
  spec.set_up = plan_.set_up;
  spec.on_message = [this, index](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
    if (!plan_.on_message(index, kind, payload)) roles_[index]->restart();
  };
  spec.on_ready = [this, index](std::string_view missing) { plan_.on_ready(index, missing); };
  spec.on_down = [this, index](const Error& why) { plan_.on_down(index, why); };
  return spec;
}

bool RoleGroup::is_ready() const {
  return std::all_of(roles_.begin(), roles_.end(),
                     [](const auto& role) { return role->is_ready(); });
}

std::size_t RoleGroup::next() {
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    turn_ = (turn_ + 1) % roles_.size();
    if (is_up(turn_)) return turn_;
  }
  return roles_.size();
}

sys::Channel* RoleGroup::channel_of(std::size_t index) {
  sys::Channel* channel = is_up(index) ? roles_[index]->channel() : nullptr;
  if (channel == nullptr || channel->queued() <= kMaxQueued) return channel;
  roles_[index]->restart();
  return nullptr;
}

bool RoleGroup::send(std::size_t index, std::uint16_t kind, ByteView payload) {
  sys::Channel* channel = channel_of(index);
  if (channel == nullptr) return false;
  channel->send(kind, payload);
  return true;
}

bool RoleGroup::send(std::size_t index, std::uint16_t kind, ByteView payload, UniqueFd descriptor) {
  sys::Channel* channel = channel_of(index);
  if (channel == nullptr) return false;
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(descriptor));
  channel->send(kind, payload, std::move(descriptors));
  return true;
}

bool RoleGroup::send_secret(std::size_t index, std::uint16_t kind, ByteView payload) {
  sys::Channel* channel = channel_of(index);
  if (channel == nullptr) return false;
  channel->send_secret(kind, payload);
  return true;
}

}  // namespace samhain::server
