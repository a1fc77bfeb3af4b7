// yulectl: asks a running yule what it knows (yulectl(8)).

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "samhain/result.h"
#include "sys/file.h"
#include "sys/socket.h"

namespace {

using samhain::Error;
using samhain::Result;

constexpr std::size_t kMaxAnswer = 64U << 20;
constexpr unsigned kPatience = 30;  ///< seconds
constexpr std::array<std::string_view, 5> kClientColumns = {"client", "state", "last_contact",
                                                            "address", "last_number"};

struct Call {
  std::string socket = SERVER_SOCKET;
  std::string command;
  bool is_verbose = false;
  bool is_json = false;
};

/// A line of the answer, taken apart at its tabs.
using Row = std::vector<std::string_view>;

std::string usage() {
  return "Usage: yulectl [-s SOCKET] [-v] [--json] LIST|STATUS\n"
         "  LIST    the registered clients: state, last contact, address, last report's number\n"
         "  STATUS  the server itself: uptime, processes, connections, counts\n"
         "See yulectl(8).\n";
}

int fail(std::string_view why) {
  (void)std::fputs(fmt::format("ERROR: {}\n", why).c_str(), stderr);
  return 1;
}

/// Prints and makes sure that it arrived, also in a pipe or a full file.
int print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return 0;
  return fail("cannot write to standard output");
}

Result<Call> parse(std::span<char*> arguments) {
  Call call;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "-v") {
      call.is_verbose = true;
    } else if (argument == "--json") {
      call.is_json = true;
    } else if (argument == "-s" || argument == "-c") {
      if (i + 1 == arguments.size()) {
        return Error{Error::Kind::Malformed, fmt::format("{} needs an argument", argument)};
      }
      (argument == "-s" ? call.socket : call.command) = arguments[++i];
    } else if (argument.starts_with('-') || !call.command.empty()) {
      return Error{Error::Kind::Malformed,
                   fmt::format("invalid argument {}", samhain::base::printable(argument))};
    } else {
      call.command = argument;
    }
  }
  if (call.command != "LIST" && call.command != "STATUS") {
    return Error{Error::Kind::Malformed,
                 fmt::format("invalid command <{}>", samhain::base::printable(call.command))};
  }
  return call;
}

/// The whole answer, up to the server's closing of the socket.
Result<std::string> ask(const Call& call) {
  // The server answers at once or not at all; a dead one must not hold us.
  alarm(kPatience);
  auto socket = samhain::sys::connect_unix(call.socket);
  if (!socket) return socket.error().within("connect", call.socket);
  if (call.is_verbose) (void)std::fputs("# Waiting for listing.\n", stderr);
  const std::string line = call.command + "\n";
  auto sent = samhain::sys::write_all(socket->get(), samhain::as_bytes(line));
  // One that may not ask is told so before its command is read.
  auto answer = samhain::sys::read_all(socket->get(), kMaxAnswer);
  if (!answer) return sent ? answer.error().within("answer", "") : sent.error();
  return std::string{samhain::as_text(*answer)};
}

std::vector<Row> rows_of(std::string_view answer) {
  std::vector<Row> rows;
  for (const std::string_view line : samhain::base::split(answer, "\n")) {
    rows.push_back(samhain::base::split(line, "\t"));
  }
  return rows;
}

std::string contact_time(std::string_view seconds) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  const auto number = samhain::base::to_number<std::int64_t>(seconds);
  if (!number || *number == 0) return "never";
  return samhain::base::local_time(*number * kNanoseconds);
}

/// What the server sends is printable ASCII: quotes and backslashes are all that JSON minds.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string json_value(std::string_view key, std::string_view text) {
  const bool is_number = samhain::base::to_number<std::uint64_t>(text).has_value();
  return is_number && key != "client" && key != "address" ? std::string{text} : quoted(text);
}

std::string json_list(const std::vector<Row>& rows) {
  std::string text = "[";
  for (const Row& row : rows) {
    text += text.size() > 1 ? ",\n {" : "\n {";
    for (std::size_t i = 0; i < row.size() && i < kClientColumns.size(); ++i) {
      text += fmt::format("{}{}: {}", i > 0 ? ", " : "", quoted(kClientColumns[i]),
                          json_value(kClientColumns[i], row[i]));
    }
    text += "}";
  }
  return text + "\n]\n";
}

std::string json_status(const std::vector<Row>& rows) {
  std::string text = "{";
  for (const Row& row : rows) {
    if (row.size() != 2) continue;
    text += fmt::format("{}{}: {}", text.size() > 1 ? ",\n " : "\n ", quoted(row[0]),
                        json_value(row[0], row[1]));
  }
  return text + "\n}\n";
}

/// Columns as wide as what stands in them.
std::string list_text(const std::vector<Row>& rows) {
  std::vector<std::array<std::string, kClientColumns.size()>> lines = {
      {"CLIENT", "STATE", "LAST CONTACT", "ADDRESS", "LAST NUMBER"}};
  for (const Row& row : rows) {
    if (row.size() != kClientColumns.size()) continue;
    lines.push_back({std::string{row[0]}, std::string{row[1]}, contact_time(row[2]),
                     std::string{row[3]}, std::string{row[4]}});
  }
  std::array<std::size_t, kClientColumns.size()> widths{};
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    }
    text += line.back() + "\n";
  }
  return text;
}

std::string status_text(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    if (row.size() == 2) text += fmt::format("{:<26} {}\n", row[0], row[1]);
  }
  return text;
}

std::string text_of(const Call& call, const std::vector<Row>& rows) {
  if (call.command == "LIST") return call.is_json ? json_list(rows) : list_text(rows);
  return call.is_json ? json_status(rows) : status_text(rows);
}

}  // namespace

int main(int argc, char** argv) {
  (void)signal(SIGPIPE, SIG_IGN);
  const std::span<char*> arguments{argv + (argc > 0 ? 1 : 0), argv + argc};
  if (arguments.size() == 1 && std::string_view{arguments[0]} == "-h") {
    return print(usage());
  }
  const auto call = parse(arguments);
  if (!call) {
    (void)fail(call.error().what);
    (void)std::fputs(usage().c_str(), stderr);
    return 1;
  }
  const auto answer = ask(*call);
  if (!answer) return fail(answer.error().text());

  auto rows = rows_of(*answer);
  if (rows.empty() || rows.back() != Row{"END"}) return fail("the server broke off its answer");
  rows.pop_back();
  if (!rows.empty() && rows[0][0].starts_with("!E:")) {
    return fail(fmt::format("the server refuses: {}", rows[0][0].substr(3)));
  }
  return print(text_of(*call, rows));
}
