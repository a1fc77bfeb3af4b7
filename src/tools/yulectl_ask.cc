#include "tools/yulectl_ask.h"

#include <fmt/format.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/socket.h"

namespace samhain::tools {
namespace {

constexpr std::size_t kMaxAnswer = 64U << 20;
constexpr unsigned kPatience = 30;  ///< seconds
constexpr std::string_view kEnd = "END\n";
constexpr std::string_view kRefusal = "!E:";

}  // namespace

Result<std::string> ask_server(const std::string& socket, std::string_view command) {
  // The server answers at once or not at all; a dead one must not hold us.
  (void)alarm(kPatience);
  auto connection = sys::connect_unix(socket);
  if (!connection) {
    (void)alarm(0);
    return connection.error().within("connect", socket);
  }
  const auto sent = sys::write_all(connection->get(), as_bytes(fmt::format("{}\n", command)));
  // One that may not ask is told so before its command is read.
  const auto bytes = sys::read_all(connection->get(), kMaxAnswer);
  (void)alarm(0);
  if (!bytes) return sent ? bytes.error().within("answer", "") : sent.error();
  std::string answer{as_text(*bytes)};
  if (answer != kEnd && !answer.ends_with("\n" + std::string{kEnd})) {
    return Error{Error::Kind::Malformed, "the server broke off its answer"};
  }
  answer.resize(answer.size() - kEnd.size());
  if (answer.starts_with(kRefusal)) {
    return Error{Error::Kind::Refused,
                 fmt::format("the server refuses: {}", answer.substr(0, answer.find('\n')))};
  }
  return answer;
}

}  // namespace samhain::tools
