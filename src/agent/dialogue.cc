#include "agent/dialogue.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "report/form.h"
#include "samhain/bytes.h"
#include "sys/file.h"

namespace samhain::agent {
namespace {

/// A line that is longer is no answer: its end is thrown away.
constexpr std::size_t kMaxLine = 4'096;

void say(const std::string& text) {
  // A terminal that went away is told by the read that follows.
  (void)sys::write_all(STDERR_FILENO, as_bytes(text));
}

}  // namespace

Dialogue::~Dialogue() {
  if (is_watching_) loop_.forget(STDIN_FILENO);
}

Result<void> Dialogue::begin() {
  auto watched = loop_.watch(STDIN_FILENO, EPOLLIN, [this](std::uint32_t) { read(); });
  if (!watched) return watched.error().within("standard input", "");
  is_watching_ = true;
  ask();
  return {};
}

void Dialogue::ask() {
  const auto& path = acceptance_.questions()[next_].change.path;
  say(fmt::format("Update {} [Y/n] ? ", report::escape(path, report::Form::Guide)));
}

void Dialogue::read() {
  std::array<char, 1'024> buffer{};
  const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got < 0) return end(system_error("standard input", errno));
  if (got == 0) {
    return end(Error{Error::Kind::Refused, "stdin was closed before the last answer"});
  }
  input_.append(buffer.data(), static_cast<std::size_t>(got));
  for (std::size_t line_end = input_.find('\n'); line_end != std::string::npos && is_watching_;
       line_end = input_.find('\n')) {
    const char first = input_[0];
    input_.erase(0, line_end + 1);
    take(first);
  }
  if (input_.size() > kMaxLine) input_.resize(1);
}

/// Enter alone is a yes.
void Dialogue::take(char first) {
  const bool is_yes = first == '\n' || first == 'y' || first == 'Y';
  const bool is_no = first == 'n' || first == 'N';
  if (!is_yes && !is_no) {
    say("Please answer y(es) or n(o)\n");
    return ask();
  }
  acceptance_.answer(acceptance_.questions()[next_], is_yes);
  if (++next_ == acceptance_.questions().size()) return end({});
  ask();
}

void Dialogue::end(Result<void> result) {
  loop_.forget(STDIN_FILENO);
  is_watching_ = false;
  // From the loop: who is told takes us down.
  loop_.soon([done = on_done_, result = std::move(result)] { done(result); });
}

}  // namespace samhain::agent
