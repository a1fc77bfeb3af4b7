#include "tools/baseline_command.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "baseline/baseline.h"
#include "crypto/digest.h"
#include "sys/file.h"
#include "sys/identity.h"
#include "tools/baseline_diff.h"
#include "tools/locked_reading.h"
#include "tools/output.h"
#include "tools/waiting_baselines.h"
#include "tools/yulectl_ask.h"
#include "tools/yulectl_table.h"
#include "wire/files.h"

namespace samhain::tools {
namespace {

struct Call {
  std::string socket = SERVER_SOCKET;
  std::string data;
  std::string pending;
  std::string digest;  ///< that the administrator saw, lower case; empty: any
  std::string verb;
  std::string host;
  std::string delta;  ///< of merge: its UUID
  bool is_json = false;
};

constexpr std::uint64_t kMaxBaseline = std::uint64_t{2} << 30;

constexpr std::string_view kUsage =
    "Usage: yulectl [-s SOCKET] [--data=DIR] [--pending=DIR] [--json] baseline list\n"
    "       yulectl ... baseline show|diff|reject HOST\n"
    "       yulectl ... baseline approve HOST [--digest=SHA256]\n"
    "       yulectl ... baseline merge HOST UUID\n";

Error wrong(std::string text) { return Error{Error::Kind::Malformed, std::move(text)}; }

bool take_value(std::string_view argument, std::string_view option, std::string& value) {
  if (!argument.starts_with(option)) return false;
  value = argument.substr(option.size());
  return true;
}

Result<void> judge(Call& call) {
  constexpr std::array<std::string_view, 6> kVerbs = {"list",    "show",   "diff",
                                                      "approve", "reject", "merge"};
  if (std::ranges::find(kVerbs, call.verb) == kVerbs.end()) {
    return wrong(fmt::format("invalid command <baseline {}>", base::printable(call.verb)));
  }
  if ((call.verb == "list") != call.host.empty()) {
    return wrong(call.host.empty() ? "this command requires a hostname" : "list takes no hostname");
  }
  if ((call.verb == "merge") != wire::is_uuid(call.delta) ||
      (call.verb != "merge" && !call.delta.empty())) {
    return wrong(call.verb == "merge"
                     ? "merge needs the UUID of a delta, 8-4-4-4-12 hex digits"
                     : fmt::format("invalid argument {}", base::printable(call.delta)));
  }
  call.host = base::lower(call.host);
  call.digest = base::lower(call.digest);
  if (!call.host.empty() && !is_host(call.host)) {
    return wrong(fmt::format("{} is no name of a host", base::printable(call.host)));
  }
  return {};
}

Result<Call> parse(std::span<char* const> arguments) {
  Call call;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--json") {
      call.is_json = true;
    } else if (argument == "-s") {
      if (i + 1 == arguments.size()) return wrong("-s needs an argument");
      call.socket = arguments[++i];
    } else if (argument == "-v" || argument == "-c" || take_value(argument, "--data=", call.data) ||
               take_value(argument, "--pending=", call.pending) ||
               take_value(argument, "--digest=", call.digest)) {
      continue;
    } else if (argument.starts_with('-') || words.size() == 4) {
      return wrong(fmt::format("invalid argument {}", base::printable(argument)));
    } else {
      words.emplace_back(argument);
    }
  }
  words.resize(4);
  if (words[0] != "baseline") return wrong("baseline comes first");
  call.verb = std::move(words[1]);
  call.host = std::move(words[2]);
  call.delta = std::move(words[3]);
  if (auto judged = judge(call); !judged) return judged.error();
  return call;
}

/// What the running server says where it was not said here.
Result<void> find_places(Call& call) {
  if (!call.data.empty() && call.pending.empty()) call.pending = call.data + "/pending";
  if (!call.data.empty()) return {};
  const auto answer = ask_server(call.socket, "STATUS");
  if (!answer) {
    Error error = answer.error();
    error.what += "; --data=DIR names the data directory of a server that does not run";
    return error;
  }
  for (const Row& row : rows_of(*answer)) {
    if (row.size() != 2) continue;
    if (row[0] == "data") call.data = row[1];
    if (row[0] == "pending" && call.pending.empty()) call.pending = row[1];
  }
  if (call.data.empty()) return Error{Error::Kind::Missing, "the server does not tell its paths"};
  return {};
}

/// Whom the child that reads becomes, and whose group the approved file gets.
Result<std::optional<sys::Identity>> find_user() {
  if (geteuid() != 0) return std::optional<sys::Identity>{};
  constexpr std::array<std::string_view, 3> kUsers = {"yule", "daemon", "nobody"};
  const std::string_view compiled = DEFAULT_IDENTITY;
  auto found =
      compiled.empty() ? sys::find_identity(kUsers) : sys::find_identity(std::span{&compiled, 1});
  if (!found) return found.error();
  return std::optional{std::move(*found)};
}

int list(const Call& call) {
  const auto waiting = list_waiting(call.pending);
  if (!waiting) return fail(waiting.error().text());
  constexpr std::array<std::string_view, 4> kColumns = {"client", "size", "time", "digest"};
  std::string text;
  for (const Waiting& one : *waiting) {
    text += fmt::format("{}\t{}\t{}\t{}\n", base::printable(one.host), one.size, one.received,
                        one.digest);
  }
  const auto rows = rows_of(text);
  return print(call.is_json ? table_json(kColumns, rows) : table_text(kColumns, rows));
}

int show(const Call& call, const std::optional<sys::Identity>& user) {
  auto file = open_waiting(call.pending, call.host);
  if (!file) return fail(file.error().text());
  const auto shown = read_locked_in(user, [&](const auto& emit) -> Result<void> {
    auto reader = baseline::Reader::open_vouched(*std::move(file));
    if (!reader) return reader.error();
    if (!call.is_json) emit(fmt::format("sha256 {}\n", (*reader)->digest_hex()));
    return BaselineDiff(call.is_json, emit).list(**reader);
  });
  return shown ? 0 : fail(shown.error().text());
}

int diff(const Call& call, const std::optional<sys::Identity>& user) {
  auto after = open_waiting(call.pending, call.host);
  if (!after) return fail(after.error().text());
  auto before = open_approved(call.data, call.host);
  if (!before) return fail(before.error().text());
  const auto told = read_locked_in(user, [&](const auto& emit) -> Result<void> {
    auto next = baseline::Reader::open_vouched(*std::move(after));
    if (!next) return next.error().within("pending baseline", call.host);
    std::unique_ptr<baseline::Reader> now;
    if (*before) {
      auto opened = baseline::Reader::open_vouched(*std::move(before));
      if (!opened) return opened.error().within("approved baseline", call.host);
      now = std::move(*opened);
    }
    if (!call.is_json) emit(fmt::format("sha256 {}\n", (*next)->digest_hex()));
    return BaselineDiff(call.is_json, emit).run(now.get(), **next);
  });
  return told ? 0 : fail(told.error().text());
}

/// Reads every entry: what the client could not read is no baseline.
Result<void> check(int fd, const std::optional<sys::Identity>& user) {
  return read_locked_in(user, [fd](const auto&) -> Result<void> {
    // Closed in the forked copy alone.
    auto reader = baseline::Reader::open_vouched(UniqueFd(fd));
    if (!reader) return reader.error();
    return BaselineDiff(false, [](std::string_view) {}).list(**reader);
  });
}

int approve(const Call& call, const std::optional<sys::Identity>& user) {
  auto copy = Approval::begin(call.data, call.pending, call.host);
  if (!copy) return fail(copy.error().text());
  if (!call.digest.empty() && call.digest != copy->digest_hex()) {
    return fail(fmt::format("not approved: what waits has the digest {}", copy->digest_hex()));
  }
  if (auto checked = check(copy->fd(), user); !checked) {
    return fail("not approved: " + checked.error().text());
  }
  const auto committed = copy->commit(user);
  if (!copy->is_approved()) return fail(committed.error().text());
  const std::string path = call.data + "/file." + call.host;
  // It is in use from here on, so whatever fails now, its client is told.
  int status = print(fmt::format("approved {} sha256 {}\n", path, copy->digest_hex()));
  // The client comes for it by itself at its next start; a running one is told.
  const auto told = ask_server(call.socket, "RELOAD " + call.host);
  if (!told) remark(fmt::format("{} is not told to reload: {}", call.host, told.error().text()));
  if (!committed) status = fail(committed.error().text());
  const auto rest = copy->settle_waiting();
  if (!rest) return fail(rest.error().text());
  if (*rest == Approval::Rest::NewerWaits) {
    remark(fmt::format("{} sent another one meanwhile, which waits", call.host));
  }
  return status;
}

/// What the delta makes of the approved baseline waits then, as if the client had sent it: the
/// administrator looks at it like at any other, and the client gets it as a whole.
int merge(const Call& call, const std::optional<sys::Identity>& user) {
  auto approved = open_approved(call.data, call.host);
  if (!approved) return fail(approved.error().text());
  if (!*approved) return fail(fmt::format("{} has no baseline to merge with", call.host));
  auto delta = open_delta(call.data, call.host, call.delta);
  if (!delta) return fail(delta.error().text());
  auto proposal = Proposal::begin(call.pending, call.host);
  if (!proposal) return fail(proposal.error().text());
  const Reading work = [&](const auto&) -> Result<void> {
    auto reader = baseline::Reader::open_vouched(*std::move(approved));
    if (!reader) return reader.error().within("approved baseline", call.host);
    auto changes = baseline::Reader::open_vouched(*std::move(delta));
    if (!changes) return changes.error().within("delta", call.delta);
    if (auto applied = (*reader)->apply(*std::move(changes)); !applied) return applied;
    const auto image = baseline::merged_image(**reader);
    if (!image) return image.error();
    return sys::write_all(proposal->fd(), *image);
  };
  const auto merged = read_locked_in(user, work, kMaxBaseline);
  if (!merged) return fail(merged.error().text());
  if (auto submitted = proposal->submit(); !submitted) return fail(submitted.error().text());
  return print(fmt::format("waits: yulectl baseline diff {0}, then approve {0}\n", call.host));
}

int reject(const Call& call) {
  auto removed = remove_waiting(call.pending, call.host);
  return removed ? 0 : fail(removed.error().text());
}

}  // namespace

bool is_baseline_call(std::span<char* const> arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "-s") {
      ++i;
    } else if (!argument.starts_with('-')) {
      return argument == "baseline";
    }
  }
  return false;
}

int run_baseline_call(std::span<char* const> arguments) {
  auto call = parse(arguments);
  if (!call) {
    (void)fail(call.error().what);
    (void)std::fputs(kUsage.data(), stderr);
    return 1;
  }
  if (auto found = find_places(*call); !found) return fail(found.error().text());
  const auto user = find_user();
  if (!user) return fail(user.error().text());
  if (call->verb == "list") return list(*call);
  if (call->verb == "show") return show(*call, *user);
  if (call->verb == "diff") return diff(*call, *user);
  if (call->verb == "approve") return approve(*call, *user);
  if (call->verb == "merge") return merge(*call, *user);
  return reject(*call);
}

}  // namespace samhain::tools
