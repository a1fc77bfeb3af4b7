#include "server/role_process.h"

#include <utility>

#include "base/die.h"
#include "sys/role.h"

namespace samhain::server {

RoleProcess enter_role(const sys::Confinement& confinement, std::span<const sys::Rule> rules,
                       sys::Channel::OnMessage on_message) {
  RoleProcess role;
  auto loop = sys::Loop::create();
  if (!loop) base::die(loop.error().text());
  role.loop = std::move(*loop);

  const auto barriers = sys::lock_in(confinement);
  if (!barriers) base::die(barriers.error().within("role", confinement.role).text());
  auto fd = sys::announce_ready(barriers->text());
  if (!fd) base::die(fd.error().within("role", confinement.role).text());

  sys::Loop* inner = role.loop.get();
  auto keeper = sys::Channel::open(*inner, std::move(*fd), rules, std::move(on_message),
                                   [inner](const Error&) { inner->stop(); });
  if (!keeper) base::die(keeper.error().within("role", confinement.role).text());
  role.keeper = std::move(*keeper);
  return role;
}

}  // namespace samhain::server
