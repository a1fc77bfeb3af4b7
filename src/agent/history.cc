#include "agent/history.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "agent/agent.h"
#include "agent/json.h"
#include "agent/options.h"
#include "base/clock.h"
#include "report/form.h"

namespace samhain::agent {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

std::string shown_path(std::string_view path) {
  return report::escape(path, report::Form::Classic);
}
std::string shown(std::string_view text) { return report::escape(text, report::Form::Guide); }

Result<void> print(const std::string& line) {
  if (std::fputs((line + "\n").c_str(), stdout) < 0) return system_error("standard output", errno);
  return {};
}

Result<void> finish_printing() {
  if (std::fflush(stdout) != 0) return system_error("standard output", errno);
  return {};
}

/// The words after `findings` or `history`: a path and --json are theirs, the rest is everybody's.
struct Words {
  std::string path;
  bool as_json = false;
  std::vector<std::string_view> others;
};

Words words_of(std::span<const std::string_view> arguments) {
  Words words;
  bool is_value = false;  // of the option before it
  for (const std::string_view argument : arguments) {
    if (!is_value && argument == "--json") {
      words.as_json = true;
    } else if (!is_value && words.path.empty() && argument.starts_with('/')) {
      words.path = argument;
    } else {
      is_value =
          !is_value && argument.starts_with("--") && argument.find('=') == std::string_view::npos;
      words.others.push_back(argument);
    }
  }
  return words;
}

Result<void> list_findings(const std::string& file, bool as_json) {
  const auto findings = load_findings(file);
  if (!findings) return findings.error().within("findings", file);
  for (const Finding& finding : findings->all) {
    auto printed = print(as_json ? finding_json(finding) : finding_line(finding));
    if (!printed) return printed;
  }
  if (findings->left_out > 0) {
    (void)std::fputs(
        fmt::format("{} more are not listed: approve or undo these\n", findings->left_out).c_str(),
        stderr);
  }
  return finish_printing();
}

int complain(const std::string& line) {
  (void)std::fputs((line + "\n").c_str(), stderr);
  return 1;
}

}  // namespace

std::string history_line(const baseline::Approval& approval) {
  std::string line = fmt::format("{} {} {} {}", base::utc_time(approval.time), approval.change,
                                 shown_path(approval.path), shown(approval.who));
  if (!approval.reason.empty()) line.append(": ").append(shown(approval.reason));
  return line;
}

std::string history_json(const baseline::Approval& approval) {
  return JsonObject{}
      .number("time", static_cast<std::uint64_t>(approval.time))
      .text("change", approval.change)
      .text("path", approval.path)
      .text("who", approval.who)
      .text("reason", approval.reason)
      .take();
}

std::string finding_line(const Finding& finding) {
  return fmt::format("{:>5} {} {:<5} {} {}", finding.number,
                     base::utc_time(finding.time_ns / kNanoseconds), word(finding.severity),
                     finding.change, shown_path(finding.path));
}

std::string finding_json(const Finding& finding) {
  return JsonObject{}
      .number("number", finding.number)
      .number("time", static_cast<std::uint64_t>(finding.time_ns / kNanoseconds))
      .text("severity", word(finding.severity))
      .text("change", finding.change)
      .text("path", finding.path)
      .take();
}

Result<void> list_history(const std::string& file, std::span<const uid_t> trusted,
                          std::string_view path, bool as_json) {
  const auto key = baseline::load_key(file);
  if (!key) return key.error();
  const auto reader = baseline::Reader::open(file, *key, trusted);
  if (!reader) return reader.error();
  const auto approvals = (*reader)->approvals();
  if (!approvals) return approvals.error();
  for (const baseline::Approval& approval : *approvals) {
    if (!path.empty() && approval.path != path) continue;
    auto printed = print(as_json ? history_json(approval) : history_line(approval));
    if (!printed) return printed;
  }
  return finish_printing();
}

std::optional<int> look_up(std::span<const std::string_view> arguments, const Paths& paths) {
  if (arguments.empty()) return std::nullopt;
  const std::string_view word = arguments.front();
  if (word != "findings" && word != "history") return std::nullopt;
  const Words words = words_of(arguments.subspan(1));
  const auto options = parse_options(words.others);
  if (!options) return complain(options.error().what);
  if (options->task != Options::Task::Run || (word == "findings" && !words.path.empty())) {
    return complain(fmt::format("Error: not an option of {}", word));
  }
  const auto loading = load_settings(*options, paths, own_name());
  if (!loading.loaded) {
    return complain(
        fmt::format("ERROR: can't read the configuration: {}", loading.unusable.error.text()));
  }
  const Settings& settings = loading.loaded->settings;
  const auto listed = word == "findings" ? list_findings(settings.findings_path, words.as_json)
                                         : list_history(settings.baseline_path, settings.trusted,
                                                        words.path, words.as_json);
  if (listed) return 0;
  return complain(fmt::format("ERROR: can't list the {}: {}", word, listed.error().text()));
}

}  // namespace samhain::agent
