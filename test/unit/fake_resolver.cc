#include "unit/fake_resolver.h"

#include <unistd.h>

#include <set>
#include <thread>

#include "server/requests.h"
#include "sys/loop.h"
#include "sys/role.h"

namespace samhain::server {
namespace {

void work(const std::string& address) {
  static std::set<std::string> asked;
  const bool is_first = asked.insert(address).second;
  if (address.starts_with(kStuck)) pause();
  if (address.starts_with(kSlow) || (address.starts_with(kQuickOnce) && !is_first)) {
    std::this_thread::sleep_for(kSlowness);
  }
}

}  // namespace

int run_fake_resolver() {
  if (!sys::receive_set_up()) return 1;
  auto fd = sys::announce_ready("");
  auto loop = sys::Loop::create();
  if (!fd || !loop) return 1;
  std::unique_ptr<sys::Channel> keeper;
  auto opened = sys::Channel::open(
      **loop, *std::move(fd), kToResolver,
      [&](std::uint16_t, ByteView payload, auto&) {
        const auto question = decode_look_up(payload);
        if (!question) return (*loop)->stop();
        work(question->address);
        NameFacts facts;
        facts.peer_confirmed = true;
        facts.peer_name = "host.example.test";
        keeper->send(kNames, encode(question->request, facts));
      },
      [&](const Error&) { (*loop)->stop(); });
  if (!opened) return 1;
  keeper = *std::move(opened);
  (*loop)->run();
  return 0;
}

}  // namespace samhain::server
