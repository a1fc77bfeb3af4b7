#include "server/syslog_reception.h"

#include <fcntl.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "base/codec.h"
#include "report/catalog.h"
#include "server/syslog_requests.h"
#include "sys/socket.h"

namespace samhain::server {

Result<std::unique_ptr<SyslogReception>> SyslogReception::start(sys::Loop& loop,
                                                                const base::Clock& clock,
                                                                Notices& notices,
                                                                std::vector<UniqueFd> sockets,
                                                                Hooks hooks) {
  std::unique_ptr<SyslogReception> reception(
      new SyslogReception(clock, notices, std::move(sockets)));
  SyslogReception* const self = reception.get();
  RoleGroup::Plan plan;
  plan.name = "syslog";
  plan.rules = kFromSyslog;
  plan.set_up = [] { return Bytes{}; };
  plan.on_message = [self](std::size_t, std::uint16_t kind, ByteView payload) {
    return self->take(kind, payload);
  };
  plan.on_ready = [self, on_ready = std::move(hooks.on_ready)](std::size_t,
                                                               std::string_view missing) {
    self->hand_over();
    on_ready(missing);
  };
  plan.on_down = [on_down = std::move(hooks.on_down)](std::size_t, const Error& why) {
    on_down(why);
  };
  auto role = RoleGroup::start(loop, std::move(plan));
  if (!role) return role.error();
  reception->role_ = std::move(*role);
  return reception;
}

/// A copy each: when the role dies, the next one gets the same sockets.
void SyslogReception::hand_over() {
  constexpr std::array<std::uint8_t, 1> kNothing = {0};
  for (const UniqueFd& socket : sockets_) {
    UniqueFd copy(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (copy) (void)role_->send(0, kListen, kNothing, std::move(copy));
  }
}

bool SyslogReception::take(std::uint16_t kind, ByteView payload) {
  if (kind == kPacket) return log(payload);
  base::Reader reader(payload);
  if (kind == kDropped) {
    notices_.tell(report::kSyslogDropped,
                  {{"count", std::to_string(reader.number<std::uint64_t>())}});
    return reader.is_complete();
  }
  const auto error = reader.number<std::uint32_t>();
  notices_.tell_filled(report::kSyslogSocket, {std::strerror(static_cast<int>(error))});
  return reader.is_complete();
}

bool SyslogReception::log(ByteView payload) {
  base::Reader reader(payload);
  const std::string address{reader.text(kMaxAddress)};
  const auto facility = reader.number<std::uint8_t>();
  const auto priority = reader.number<std::uint8_t>();
  const std::string text{reader.text(kMaxSyslogPacket)};
  if (!reader.is_complete() || !sys::Address::parse(address, 0)) return false;
  Report report;
  report.severity = Severity::Inet;
  report.event_class = EventClass::Tcp;
  report.time_ns = clock_.now_ns();
  report.fields = {{"ip", address},
                   {"facility", std::string{facility_word(facility)}},
                   {"priority", std::string{priority_word(priority)}},
                   {"syslog_msg", text}};
  notices_.tell(report);
  return true;
}

}  // namespace samhain::server
