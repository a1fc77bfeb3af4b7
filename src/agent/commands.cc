#include "agent/commands.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "report/catalog.h"
#include "sys/file.h"

namespace samhain::agent {
namespace {

constexpr std::string_view kFile = "/command";
constexpr std::size_t kMaxFile = 64;
constexpr mode_t kMode = 0600;
constexpr std::chrono::minutes kMinute{1};
constexpr std::string_view kDelta = "DELTA:";

}  // namespace

void Commands::open(const std::string& directory) {
  std::string path = directory + std::string{kFile};
  if (path != path_) confirmed_.clear();
  path_ = std::move(path);
  last_ = 0;
  // A file that is missing or damaged has no number: a command may be done twice then.
  const auto file = sys::read_file(path_, kMaxFile);
  if (!file) return;
  last_ = base::to_number<std::uint64_t>(base::trim(as_text(*file))).value_or(0);
}

void Commands::take(const std::vector<wire::Command>& commands) {
  for (const wire::Command& command : commands) take(command);
}

void Commands::take(const wire::Command& command) {
  const auto confirmation = confirmed_.find(command.id);
  if (confirmation != confirmed_.end() && !confirmations_.is_acknowledged(confirmation->second)) {
    return;  // on its way
  }
  if (!may_take_another()) return;
  if (command.id <= last_) return confirm(command, std::nullopt);
  if (auto remembered = remember(command.id); !remembered) {
    if (!std::exchange(has_told_failure_, true)) {
      on_report_(report::make_filled(report::kCallFailed, {remembered.error().text()},
                                     clock_.now_ns(), {{"interface", "command"}, {"path", path_}}));
    }
    return;
  }
  has_told_failure_ = false;
  confirm(command, carry_out(command.words));
}

bool Commands::may_take_another() {
  const auto now = clock_.steady();
  if (now - minute_began_ >= kMinute) {
    minute_began_ = now;
    taken_ = 0;
  }
  return taken_++ < kMostPerMinute;
}

Result<void> Commands::remember(std::uint64_t id) {
  const std::string text = fmt::format("{}\n", id);
  if (auto written = sys::write_file_atomically(path_, as_bytes(text), kMode); !written) {
    return written;
  }
  last_ = id;
  return {};
}

Commands::Refusal Commands::carry_out(std::string_view words) const {
  if (words == "RELOAD") return actions_.reload();
  if (words == "SCAN") return actions_.scan();
  if (words == "STOP") return actions_.stop();
  if (words.starts_with(kDelta)) return actions_.delta(words.substr(kDelta.size()));
  return "this samhain does not know it";
}

void Commands::confirm(const wire::Command& command, const Refusal& refusal) {
  std::vector<Field> fields = {{"command", command.words}, {"id", std::to_string(command.id)}};
  if (refusal) fields.push_back({"reason", *refusal});
  const std::uint64_t seq =
      confirmations_.send(report::make(refusal ? report::kCommandRefused : report::kCommandExecuted,
                                       clock_.now_ns(), std::move(fields)));
  // Those of before are of no interest: the server sends the oldest that waits, and those after it.
  while (confirmed_.size() >= wire::kMaxCommands * 2) confirmed_.erase(confirmed_.begin());
  confirmed_[command.id] = seq;
}

}  // namespace samhain::agent
