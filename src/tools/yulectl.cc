// yulectl: gives commands for clients to a running yule, and asks it what it knows (yulectl(8)).

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "samhain/result.h"
#include "tools/baseline_command.h"
#include "tools/output.h"
#include "tools/yulectl_ask.h"
#include "tools/yulectl_table.h"

namespace {

using samhain::Error;
using samhain::Result;
using samhain::tools::Columns;
using samhain::tools::fail;
using samhain::tools::print;
using samhain::tools::Row;

/// What an answer looks like.
enum class Shape : std::uint8_t { Clients, Listing, Orders, Pairs };

struct Word {
  std::string_view word;
  Shape shape;
  std::size_t min_hosts;
  std::size_t max_hosts;
};
constexpr std::size_t kAnyNumber = SIZE_MAX;
constexpr std::array<Word, 10> kWords = {{{"RELOAD", Shape::Orders, 1, kAnyNumber},
                                          {"SCAN", Shape::Orders, 1, kAnyNumber},
                                          {"STOP", Shape::Orders, 1, kAnyNumber},
                                          {"DELTA", Shape::Orders, 1, kAnyNumber},
                                          {"CANCEL", Shape::Orders, 1, kAnyNumber},
                                          {"PROBE", Shape::Orders, 0, 0},
                                          {"LIST", Shape::Listing, 0, 0},
                                          {"LISTALL", Shape::Listing, 0, 0},
                                          {"CLIENTS", Shape::Clients, 0, 0},
                                          {"STATUS", Shape::Pairs, 0, 1}}};

constexpr std::array<std::string_view, 5> kClientColumns = {"client", "state", "last_contact",
                                                            "address", "last_number"};
constexpr std::array<std::string_view, 5> kListingColumns = {"state", "client", "command", "time",
                                                             "id"};
constexpr std::array<std::string_view, 3> kOrderColumns = {"client", "command", "state"};

struct Call {
  std::string socket = SERVER_SOCKET;
  std::string command;
  std::vector<std::string> hosts;
  Shape shape = Shape::Pairs;
  bool is_verbose = false;
  bool is_json = false;
};

std::string usage() {
  return "Usage: yulectl [-v] [-s SOCKET] [--json] [-c] COMMAND [HOST...]\n"
         "for clients, delivered at once or at their next connection:\n"
         "  RELOAD HOST      read the configuration again\n"
         "  SCAN HOST        check the files now\n"
         "  STOP HOST        end\n"
         "  DELTA:UUID HOST  fetch the delta UUID and apply it to the baseline\n"
         "  CANCEL HOST      take back what waits for HOST\n"
         "  PROBE            RELOAD for all whose configuration here is newer than theirs\n"
         "to know:\n"
         "  LIST             commands that are not confirmed yet\n"
         "  LISTALL          these, and the last ones sent\n"
         "  CLIENTS          the registered clients: state, last contact, address, last report\n"
         "  STATUS [HOST]    the server itself, or one client\n"
         "baselines that clients sent, and that wait for an administrator:\n"
         "  baseline list    all of them\n"
         "  baseline show|diff|approve|reject HOST\n"
         "  baseline merge HOST UUID   what a delta makes of the approved one\n"
         "HOST is a registered name or a pattern such as '*.example.test'.  See yulectl(8).\n";
}

Result<void> judge(Call& call) {
  const std::string_view kind = std::string_view{call.command}.substr(0, call.command.find(':'));
  const auto* const found = std::ranges::find(kWords, kind, &Word::word);
  const bool has_argument = kind.size() != call.command.size();
  if (found == kWords.end() || (has_argument && kind != "DELTA")) {
    return Error{Error::Kind::Malformed,
                 fmt::format("invalid command <{}>", samhain::base::printable(call.command))};
  }
  if (call.hosts.size() < found->min_hosts) {
    return Error{Error::Kind::Malformed, "this command requires a hostname"};
  }
  if (call.hosts.size() > found->max_hosts) {
    return Error{Error::Kind::Malformed,
                 fmt::format("invalid argument {}", samhain::base::printable(call.hosts.back()))};
  }
  call.shape = found->shape;
  return {};
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
    } else if (argument.starts_with('-') || argument.find_first_of(" \t\n") != argument.npos) {
      return Error{Error::Kind::Malformed,
                   fmt::format("invalid argument {}", samhain::base::printable(argument))};
    } else if (call.command.empty()) {
      call.command = argument;
    } else {
      call.hosts.emplace_back(argument);
    }
  }
  if (auto judged = judge(call); !judged) return judged.error();
  return call;
}

/// For people who want to see what happens.
void remark(const Call& call, std::string_view text) {
  if (call.is_verbose) samhain::tools::remark(text);
}

std::string text_of(const Call& call, const std::vector<Row>& rows) {
  using namespace samhain::tools;
  if (call.shape == Shape::Pairs) return call.is_json ? pairs_json(rows) : pairs_text(rows);
  Columns columns = kClientColumns;
  if (call.shape == Shape::Listing) columns = kListingColumns;
  if (call.shape == Shape::Orders) columns = kOrderColumns;
  return call.is_json ? table_json(columns, rows) : table_text(columns, rows);
}

}  // namespace

int main(int argc, char** argv) {
  (void)signal(SIGPIPE, SIG_IGN);
  const std::span<char*> arguments{argv + (argc > 0 ? 1 : 0), argv + argc};
  if (arguments.size() == 1 && std::string_view{arguments[0]} == "-h") {
    return print(usage());
  }
  if (samhain::tools::is_baseline_call(arguments)) {
    return samhain::tools::run_baseline_call(arguments);
  }
  const auto call = parse(arguments);
  if (!call) {
    (void)fail(call.error().what);
    (void)std::fputs(usage().c_str(), stderr);
    return 1;
  }
  remark(*call,
         call->shape == Shape::Orders ? "Waiting for confirmation." : "Waiting for listing.");
  const auto answer = samhain::tools::ask_server(
      call->socket, fmt::format("{} {}", call->command, fmt::join(call->hosts, " ")));
  if (!answer) return fail(answer.error().text());
  const auto rows = samhain::tools::rows_of(*answer);
  if (call->shape == Shape::Orders) remark(*call, "Message received by server.");
  if (rows.empty() && call->shape != Shape::Clients) {
    remark(*call, "There are no pending commands.");
  }
  return print(text_of(*call, rows));
}
