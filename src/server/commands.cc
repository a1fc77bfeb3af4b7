#include "server/commands.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "base/text.h"
#include "report/catalog.h"
#include "sys/file.h"

namespace samhain::server {
namespace {

constexpr std::string_view kHeading = "yule commands 1";
constexpr std::size_t kMaxFile = 64U << 20;
constexpr mode_t kMode = 0600;
constexpr std::array<std::string_view, 3> kOutcomes = {"sent", "executed", "refused"};

/// "DELTA" of "DELTA:UUID".
std::string kind_of(std::string_view words) {
  return std::string{words.substr(0, words.find(':'))};
}

std::optional<Commands::Outcome> outcome_of(std::string_view text) {
  const auto* const found = std::find(kOutcomes.begin(), kOutcomes.end(), text);
  if (found == kOutcomes.end()) return std::nullopt;
  return static_cast<Commands::Outcome>(std::distance(kOutcomes.begin(), found));
}

/// The outcome that a report confirms, if it is a confirmation at all.
std::optional<Commands::Outcome> outcome_of(const Report& report) {
  if (report.event_class != report::kCommandExecuted.event_class) return std::nullopt;
  if (report.message() == report::kCommandExecuted.message) return Commands::Outcome::Executed;
  if (report.message() == report::kCommandRefused.message) return Commands::Outcome::Refused;
  return std::nullopt;
}

}  // namespace

std::string_view word(Commands::Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

Result<void> Commands::load() {
  const auto file = sys::read_file(path_, kMaxFile);
  if (!file) {
    if (file.error().sys_errno == ENOENT) return {};
    return file.error();
  }
  const auto lines = base::split(as_text(*file), "\n");
  if (lines.empty() || lines[0] != kHeading) {
    return Error{Error::Kind::Malformed, "line 1: not a list of commands"};
  }
  State state;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!take_line(lines[i], state)) {
      return Error{Error::Kind::Malformed, fmt::format("line {}", i + 1)};
    }
  }
  state_ = std::move(state);
  return {};
}

/// `last ID`, or `pending|sent CLIENT ID TIME OUTCOME WORDS`.
bool Commands::take_line(std::string_view line, State& state) {
  const auto parts = base::split(line, " ");
  if (parts.size() == 2 && parts[0] == "last") {
    const auto id = base::to_number<std::uint64_t>(parts[1]);
    state.last_id = id.value_or(0);
    return id.has_value();
  }
  if (parts.size() != 6) return false;
  const auto id = base::to_number<std::uint64_t>(parts[2]);
  const auto time = base::to_number<std::int64_t>(parts[3]);
  const auto outcome = outcome_of(parts[4]);
  if (!id || !time || !outcome || parts[5].size() > wire::kMaxCommand) return false;
  Entry entry{*id, std::string{parts[5]}, *time, *outcome};
  const std::string client{parts[1]};
  if (parts[0] == "pending") {
    state.pending[client].push_back(std::move(entry));
  } else if (parts[0] == "sent") {
    state.sent[client][kind_of(parts[5])] = std::move(entry);
  } else {
    return false;
  }
  return true;
}

Result<void> Commands::write() const {
  std::string text = fmt::format("{}\nlast {}\n", kHeading, state_.last_id);
  const auto add = [&text](std::string_view what, std::string_view client, const Entry& entry) {
    text += fmt::format("{} {} {} {} {} {}\n", what, client, entry.id, entry.time_ns,
                        word(entry.outcome), entry.words);
  };
  for (const auto& [client, entries] : state_.pending) {
    for (const Entry& entry : entries) add("pending", client, entry);
  }
  for (const auto& [client, entries] : state_.sent) {
    for (const auto& [kind, entry] : entries) add("sent", client, entry);
  }
  return sys::write_file_atomically(path_, as_bytes(text), kMode);
}

Result<void> Commands::save() {
  if (!has_changed_) return {};
  if (auto written = write(); !written) return written;
  has_changed_ = false;
  return {};
}

Result<std::vector<Commands::Queued>> Commands::queue(std::span<const std::string> clients,
                                                      std::string_view words, std::int64_t now_ns) {
  State before = state_;
  std::vector<Queued> queued;
  for (const std::string& client : clients) {
    auto& entries = state_.pending[client];
    const bool is_new = std::ranges::find(entries, words, &Entry::words) == entries.end();
    queued.push_back({client, is_new});
    if (!is_new) continue;
    // Above all before it, also when the clock was set back.
    state_.last_id = std::max(static_cast<std::uint64_t>(now_ns), state_.last_id + 1);
    entries.push_back({state_.last_id, std::string{words}, now_ns});
  }
  if (auto written = write(); !written) {
    state_ = std::move(before);
    return written.error();
  }
  has_changed_ = false;
  return queued;
}

std::vector<Commands::Entry> Commands::cancel(std::string_view client) {
  const auto found = state_.pending.find(client);
  if (found == state_.pending.end()) return {};
  std::vector<Entry> cancelled = std::move(found->second);
  state_.pending.erase(found);
  has_changed_ = true;
  return cancelled;
}

std::vector<wire::Command> Commands::due(std::string_view client, std::int64_t now_ns) {
  const auto found = state_.pending.find(client);
  if (found == state_.pending.end()) return {};
  std::vector<wire::Command> commands;
  for (const Entry& entry : found->second) {
    if (commands.size() == wire::kMaxCommands) break;
    commands.push_back({entry.id, entry.words});
    Entry& last = state_.sent[found->first][kind_of(entry.words)];
    if (last.id == entry.id) continue;  // sent again: the first time counts
    last = {entry.id, entry.words, now_ns};
    has_changed_ = true;
  }
  return commands;
}

void Commands::note(std::string_view client, const Report& report) {
  const auto outcome = outcome_of(report);
  if (!outcome) return;
  const auto id = base::to_number<std::uint64_t>(report.find("id"));
  if (!id) return;
  if (const auto sent = state_.sent.find(client); sent != state_.sent.end()) {
    for (auto& [kind, last] : sent->second) {
      if (last.id != *id) continue;
      last.outcome = *outcome;
      has_changed_ = true;
    }
  }
  const auto found = state_.pending.find(client);
  if (found == state_.pending.end()) return;
  if (std::erase_if(found->second, [&id](const Entry& entry) { return entry.id == *id; }) == 0) {
    return;
  }
  if (found->second.empty()) state_.pending.erase(found);
  has_changed_ = true;
}

void Commands::retain(const std::function<bool(std::string_view)>& is_registered) {
  const auto is_gone = [&is_registered](const auto& entry) { return !is_registered(entry.first); };
  has_changed_ |= std::erase_if(state_.pending, is_gone) > 0;
  has_changed_ |= std::erase_if(state_.sent, is_gone) > 0;
}

}  // namespace samhain::server
