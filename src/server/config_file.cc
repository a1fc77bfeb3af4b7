#include "server/config_file.h"

#include <unistd.h>

#include <utility>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "report/catalog.h"
#include "sys/file.h"

namespace samhain::server {
namespace {

std::vector<Field> user_and(const std::string& path) {
  return {{"userid", std::to_string(geteuid())}, {"path", path}};
}

ConfigFailure not_accessible(const std::string& path, const Error& error, std::int64_t now_ns) {
  return {error.text(), {report::make(report::kPanicFileNotAccessible, now_ns, user_and(path))}};
}

ConfigFailure not_trusted(const std::string& path, const std::vector<sys::Distrust>& distrust,
                          std::int64_t now_ns) {
  ConfigFailure failure;
  failure.reason = distrust.front().message + ": " + distrust.front().component;
  for (const auto& [message, component] : distrust) {
    failure.lines.push_back(
        report::make_filled(report::kDistrusted, {message}, now_ns,
                            {{"subroutine", "trustfile"}, {"path", path}, {"obj", component}}));
  }
  failure.lines.push_back(report::make(report::kPanicUntrustedPath, now_ns, user_and(path)));
  return failure;
}

/// What a message may show of a value: of a registration the host alone, a verifier is no matter
/// for a log.
std::string shown_value(const config::Problem& problem) {
  if (problem.kind != config::Problem::Kind::Duplicate) return problem.value;
  return problem.value.substr(0, problem.value.find('@'));
}

/// The messages of the original, without what explains them.
Report classic_report_of(const config::Problem& problem, const std::string& config_path,
                         std::int64_t now_ns) {
  using Kind = config::Problem::Kind;
  const std::string line = std::to_string(problem.line);
  switch (problem.kind) {
    case Kind::UnknownSection:
      return report::make_filled(report::kUnknownSection, {line}, now_ns);
    case Kind::InvalidInput:
      return report::make(report::kInvalidInput, now_ns,
                          {{"option", base::lower(problem.key)}, {"obj", problem.value}});
    case Kind::UnsupportedTest:
      return report::make_filled(report::kUnsupportedTest, {line}, now_ns);
    case Kind::UnmatchedEnd:
      return report::make(report::kUnmatchedEnd, now_ns, {{"option", config_path}, {"obj", line}});
    case Kind::MissingEnd:
      return report::make(report::kMissingEnd, now_ns, {{"option", config_path}, {"obj", line}});
    case Kind::NotBuilt:
      return report::make(report::kOptionNotBuilt, now_ns, {{"option", problem.key}});
    case Kind::NoUse:
      return report::make(report::kOptionNoUse, now_ns, {{"option", problem.key}});
    case Kind::Duplicate:
      return report::make(report::kSaidTwice, now_ns,
                          {{"option", problem.key}, {"obj", shown_value(problem)}});
    case Kind::InvalidLine:
    case Kind::Unreadable:
      break;
  }
  return report::make_filled(report::kInvalidLine, {line}, now_ns);
}

}  // namespace

std::optional<ConfigFile> read_config(const ConfigSource& source, std::int64_t now_ns,
                                      ConfigFailure& failure) {
  // A file that is not there is told as that, and not as a path that cannot be trusted.
  if (access(source.path.c_str(), F_OK) == 0) {
    const auto distrust = sys::find_distrust(source.path, source.owners);
    if (!distrust.empty()) {
      failure = not_trusted(source.path, distrust, now_ns);
      return std::nullopt;
    }
  }
  const auto bytes = sys::read_file(source.path, config::kMaxFile);
  if (!bytes) {
    failure = not_accessible(source.path, bytes.error(), now_ns);
    return std::nullopt;
  }
  ConfigFile file;
  file.path = source.path;
  file.digest = base::hex(crypto::sha256(*bytes));
  file.loaded =
      read_settings(as_text(*bytes), config::real_surroundings(source.host_name), source.defaults);
  return file;
}

Report report_of(const config::Problem& problem, const std::string& config_path,
                 std::int64_t now_ns) {
  Report report = classic_report_of(problem, config_path, now_ns);
  report.fields.push_back({"path", config_path});
  report.fields.push_back({"line", std::to_string(problem.line)});
  if (!problem.reason.empty()) report.fields.push_back({"reason", problem.reason});
  if (!problem.remedy.empty()) report.fields.push_back({"remedy", problem.remedy});
  return report;
}

}  // namespace samhain::server
