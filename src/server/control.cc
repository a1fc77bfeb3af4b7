#include "server/control.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "sys/socket.h"

namespace samhain::server {
namespace {

/// Not in the original's words' catalog; the text is the original's all the same.
constexpr report::Event kWrongUid{Severity::Err, EventClass::Err,
                                  "client does not have required uid", "userid"};

/// At once, for who may not ask must not take the place of who may.
void refuse(int socket) {
  constexpr std::string_view kAnswer = "!E:uid:you may not ask this server\nEND\n";
  (void)send(socket, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
  // What is left unread at the end would be a reset, which overtakes the answer.
  if (shutdown(socket, SHUT_RD) != 0) return;
  std::array<char, 4096> unread{};
  for (int i = 0; i < 64 && recv(socket, unread.data(), unread.size(), MSG_DONTWAIT) > 0; ++i) {
  }
}

}  // namespace

Control::~Control() {
  while (!visitors_.empty()) dismiss(visitors_.begin()->first);
  loop_.cancel(rest_timer_);
  if (listener_) loop_.forget(listener_.get());
}

Result<void> Control::open(UniqueFd listener) {
  listener_ = std::move(listener);
  return listen();
}

Result<void> Control::listen() {
  return loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

/// No descriptor or memory for one more visitor: who knocks stays in the backlog, and would wake us
/// again at once.
void Control::rest() {
  loop_.forget(listener_.get());
  rest_timer_ = loop_.after(kRest, [this] {
    rest_timer_ = 0;
    if (!listen()) rest();
  });
}

void Control::accept() {
  UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    const bool is_passing = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    if (!is_passing) rest();
    return;
  }
  if (visitors_.size() >= kMaxVisitors) return;
  const int id = socket.get();
  if (!may_ask(id)) return refuse(id);
  if (!loop_.watch(id, EPOLLIN, [this, id](std::uint32_t) { proceed(id); })) return;
  Visitor visitor;
  visitor.socket = std::move(socket);
  visitor.timer = loop_.after(kPatience, [this, id] { dismiss(id); });
  visitors_.emplace(id, std::move(visitor));
}

bool Control::may_ask(int socket) {
  const auto uid = sys::peer_uid(socket);
  if (uid && (*uid == 0 || *uid == geteuid() || allowed_ == *uid)) return true;
  const std::string shown = uid ? std::to_string(*uid) : "unknown";
  if (lines_.may_tell("uid " + shown)) notices_.tell(kWrongUid, {{"userid", shown}});
  return false;
}

void Control::proceed(int id) {
  const auto found = visitors_.find(id);
  if (found == visitors_.end()) return;
  Visitor& visitor = found->second;
  if (visitor.output.empty() && !read_command(visitor)) return dismiss(id);
  if (visitor.output.empty()) return;
  if (!write_answer(visitor)) return dismiss(id);
  if (visitor.sent < visitor.output.size() && !loop_.change(id, EPOLLOUT)) dismiss(id);
}

/// False: the visitor is gone or talks nonsense.
bool Control::read_command(Visitor& visitor) {
  std::array<char, kMaxCommand> buffer{};
  const ssize_t size = read(visitor.socket.get(), buffer.data(), buffer.size());
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  visitor.input.append(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t end = visitor.input.find('\n');
  if (end == std::string::npos) return visitor.input.size() <= kMaxCommand;
  answer(visitor, base::trim(std::string_view{visitor.input}.substr(0, end)));
  return true;
}

void Control::answer(Visitor& visitor, std::string_view command) {
  auto lines = answer_(command);
  visitor.output = lines ? std::move(*lines) : "!E:cmd-invalid:" + base::printable(command) + "\n";
  visitor.output += "END\n";
}

/// False: all is sent, or the visitor is gone.
bool Control::write_answer(Visitor& visitor) {
  while (visitor.sent < visitor.output.size()) {
    const std::string_view rest = std::string_view{visitor.output}.substr(visitor.sent);
    const ssize_t size = send(visitor.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    visitor.sent += static_cast<std::size_t>(size);
  }
  return false;
}

void Control::dismiss(int id) {
  const auto found = visitors_.find(id);
  if (found == visitors_.end()) return;
  loop_.cancel(found->second.timer);
  loop_.forget(id);
  visitors_.erase(found);
}

}  // namespace samhain::server
