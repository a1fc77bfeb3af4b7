#include "agent/findings.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/codec.h"
#include "sys/file.h"

namespace samhain::agent {
namespace {

constexpr std::string_view kOpening = "samhain findings 2\n";
constexpr std::size_t kMaxFile = std::size_t{64} << 20;
constexpr mode_t kMode = 0600;

/// A finding's message ends with its change: "POLICY [ReadOnly] C-------TS", "POLICY ADDED".
std::string change_of(const Report& report) {
  const std::string_view message = report.message();
  const std::size_t blank = message.rfind(' ');
  return std::string{blank == std::string_view::npos ? message : message.substr(blank + 1)};
}

/// An access time is a matter of who looks.
bool is_seen(const Field& field) { return field.key.ends_with("_new") && field.key != "atime_new"; }

}  // namespace

bool is_as_seen(const Finding& finding, const Report& now) {
  const std::string change = change_of(now);
  for (const std::string_view word : {"ADDED", "MISSING"}) {
    if ((finding.change == word) != (change == word)) return false;
  }
  // What is not told any more is as the baseline has it; what was not told then nobody has seen.
  const auto is_unseen = [&finding](const Field& field) {
    return is_seen(field) && std::ranges::find(finding.seen, field) == finding.seen.end();
  };
  return std::ranges::none_of(now.fields, is_unseen);
}

void Findings::note(const Report& report) {
  if (report.event_class != EventClass::Event) return;
  const std::string_view path = report.find("path");
  if (path.empty()) return;
  auto place = places_.find(path);
  if (place == places_.end()) {
    if (all.size() >= kMaxFindings) {
      ++left_out;
      return;
    }
    place = places_.emplace(std::string{path}, all.size()).first;
    all.push_back({.number = next_number++, .time_ns = 0, .change = {}, .path = std::string{path}});
  }
  Finding& found = all[place->second];
  found.time_ns = report.time_ns;
  found.severity = report.severity;
  found.change = change_of(report);
  found.seen.clear();
  std::ranges::copy_if(report.fields, std::back_inserter(found.seen), is_seen);
}

const Finding* Findings::find(std::uint64_t number) const {
  const auto found = std::ranges::find(all, number, &Finding::number);
  return found == all.end() ? nullptr : &*found;
}

Result<void> save_findings(const std::string& path, const Findings& findings) {
  base::Writer writer;
  writer.raw_bytes(as_bytes(kOpening)).text(findings.baseline_digest).number(findings.left_out);
  writer.number(findings.next_number);
  for (const Finding& finding : findings.all) {
    writer.number(finding.number).number(finding.time_ns);
    writer.number(static_cast<std::uint8_t>(finding.severity));
    writer.text(finding.change).text(finding.path);
    writer.number(static_cast<std::uint16_t>(finding.seen.size()));
    for (const Field& field : finding.seen) writer.text(field.key).text(field.value);
  }
  return sys::write_file_atomically(path, writer.view(), kMode);
}

Result<Findings> load_findings(const std::string& path) {
  const auto bytes = sys::read_own_file(path, kMaxFile);
  if (!bytes && bytes.error().sys_errno == ENOENT) {
    return Error{Error::Kind::Missing, "no check has been: samhain -t check"};
  }
  if (!bytes) return bytes.error();
  const Error malformed{Error::Kind::Malformed, "not a file of findings; the next check makes one"};
  if (!as_text(*bytes).starts_with(kOpening)) return malformed;
  base::Reader reader(ByteView(*bytes).subspan(kOpening.size()));
  Findings findings;
  findings.baseline_digest = reader.text();
  findings.left_out = reader.number<std::uint64_t>();
  findings.next_number = reader.number<std::uint64_t>();
  while (reader.is_good() && reader.left() > 0 && findings.all.size() < kMaxFindings) {
    Finding& finding = findings.all.emplace_back();
    finding.number = reader.number<std::uint64_t>();
    finding.time_ns = reader.number<std::int64_t>();
    const auto severity = reader.number<std::uint8_t>();
    if (severity > static_cast<std::uint8_t>(Severity::Alert)) return malformed;
    finding.severity = static_cast<Severity>(severity);
    finding.change = reader.text();
    finding.path = reader.text();
    findings.places_.emplace(finding.path, findings.all.size() - 1);
    const auto fields = reader.number<std::uint16_t>();
    for (std::uint16_t i = 0; i < fields && reader.is_good(); ++i) {
      const std::string key{reader.text()};
      finding.seen.push_back({key, std::string{reader.text()}});
    }
  }
  if (!reader.is_complete()) return malformed;
  return findings;
}

}  // namespace samhain::agent
