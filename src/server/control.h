#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "samhain/handle.h"
#include "samhain/result.h"
#include "server/limiter.h"
#include "server/notices.h"
#include "sys/loop.h"

namespace samhain::server {

/// The command socket: yulectl(8) at the other end.  One line `COMMAND` in, lines out, the last one
/// `END`; fields are separated by tabs, names come printable.  Who may ask: root, the server's own
/// user, and one more uid where it is set.
class Control {
 public:
  /// The lines that answer a command, each with its newline; nothing for one that is unknown.
  using Answer = std::function<std::optional<std::string>(std::string_view command)>;

  Control(sys::Loop& loop, const base::Clock& clock, Notices& notices, Answer answer)
      : loop_(loop), notices_(notices), lines_(clock, 1), answer_(std::move(answer)) {}
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  Result<void> open(UniqueFd listener);
  void allow(std::optional<uid_t> uid) { allowed_ = uid; }

  static constexpr std::size_t kMaxCommand = 4096;  ///< one line; its newline included
  static constexpr std::size_t kMaxVisitors = 16;
  static constexpr std::chrono::seconds kPatience{10};
  static constexpr std::chrono::seconds kRest{1};  ///< after accept(2) failed

 private:
  struct Visitor {
    UniqueFd socket;
    sys::Loop::Timer timer = 0;
    std::string input;
    std::string output;
    std::size_t sent = 0;
  };
  Result<void> listen();
  void accept();
  void rest();
  bool may_ask(int socket);
  void proceed(int id);
  bool read_command(Visitor& visitor);
  void answer(Visitor& visitor, std::string_view command);
  bool write_answer(Visitor& visitor);
  void dismiss(int id);
  sys::Loop& loop_;
  Notices& notices_;
  Limiter lines_;  ///< any local user may knock, and need not fill the log with it
  Answer answer_;
  UniqueFd listener_;
  sys::Loop::Timer rest_timer_ = 0;
  std::optional<uid_t> allowed_;
  std::unordered_map<int, Visitor> visitors_;  ///< by descriptor
};

}  // namespace samhain::server
