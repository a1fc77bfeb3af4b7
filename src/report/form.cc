#include "report/form.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/text.h"
#include "report/catalog.h"
#include "report/escape.h"

namespace samhain::report {
namespace {

constexpr std::size_t kUsualLine = 512;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// The time of a line's head.  Most lines are of the second of the line before them, and putting a
/// second into words costs as much as the rest of a line: the last one is kept.
class TimeText {
 public:
  const std::string& of(std::int64_t time_ns) {
    const std::int64_t second = time_ns / kNsPerSecond;
    if (text_.empty() || second != second_) {
      text_ = base::local_time(time_ns);
      second_ = second;
    }
    return text_;
  }

 private:
  std::int64_t second_ = 0;
  std::string text_;
};

/// What the head of a line shows.
struct Head {
  Severity severity;
  EventClass event_class;
  std::int64_t time_ns;
};

/// `TAG  [TIME] `; `cache` is that of this kind of time, for arrival and report times differ.
void append_usual_head(std::string& out, const Head& head, TimeText& cache) {
  out.append(tag(head.severity)).append("  [").append(cache.of(head.time_ns)).append("] ");
}

void append_head(std::string& out, const Head& head, std::string_view header, TimeText& cache) {
  if (header.empty()) return append_usual_head(out, head, cache);
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] != '%' || i + 1 == header.size()) {
      out += header[i];
      continue;
    }
    switch (header[++i]) {
      case 'S':
        out.append(tag(head.severity)) += ' ';
        break;
      case 'T':
        out.append("[").append(cache.of(head.time_ns)) += ']';
        break;
      case 'C':
        out.append(word(head.event_class));
        break;
      default:
        out += header[i];
    }
  }
  out += ' ';
}

void append_guide_fields(std::string& out, const Report& report) {
  for (const Field& field : report.fields) {
    if (&field != report.fields.data()) out += ' ';
    out.append(field.key).append("=\"");
    append_guide(out, field.value);
    out += '"';
  }
}

/// What stands between and behind the fields of a classic line.  Log parsers know the joints of the
/// original by heart, irregular as they are (docs/log-format.md, section "Joints").
struct Joints {
  std::string_view between = ", ";
  std::string_view end;
  bool is_inventory = false;  ///< POLICY ADDED and MISSING: a few joints by key
};

Joints joints_of(std::string_view message) {
  constexpr std::array<std::string_view, 6> kBlankJoined = {
      kSuspend.message,           kCannotResolveClient.message,
      kCannotResolvePeer.message, kReverseLookupFailed.message,
      kNoPeerAlias.message,       kQueueFull.message};
  if (message.starts_with("POLICY [")) return {", ", ", ", false};
  if (message == kPolicyAdded.message || message == kPolicyMissing.message) return {", ", "", true};
  const bool is_blank_joined =
      std::find(kBlankJoined.begin(), kBlankJoined.end(), message) != kBlankJoined.end();
  return {is_blank_joined ? " " : ", ", "", false};
}

void append_classic_fields(std::string& out, const Report& report) {
  const bool is_syslog = !report.fields.empty() && report.fields.back().key == "syslog_msg";
  const Joints joints = is_syslog ? Joints{" ", "", false} : joints_of(report.message());
  std::string_view joint;
  for (const Field& field : report.fields) {
    out.append(joint).append(field.key).append("=<");
    append_classic(out, field.value, is_path(field.key, field.value));
    out += '>';
    joint = joints.between;
    if (!joints.is_inventory) continue;
    if (field.key.starts_with("checkflags_")) joint = " ";
    if (field.key.starts_with("link_") || field.key.starts_with("acl_")) out += ' ';
  }
  out += joints.end;
}

void append_line(std::string& out, const Report& report, Form form, std::string_view header,
                 TimeText& cache) {
  append_head(out, {report.severity, report.event_class, report.time_ns}, header, cache);
  if (form == Form::Guide) {
    append_guide_fields(out, report);
  } else {
    append_classic_fields(out, report);
  }
}

void append_wrapped(std::string& out, const Report& report, Form form, std::string_view header,
                    TimeText& cache) {
  thread_local TimeText arrivals;
  std::string inner;
  inner.reserve(kUsualLine);
  append_line(inner, report, form, {}, cache);
  append_head(out, {Severity::Inet, EventClass::Tcp, report.arrival_ns}, header, arrivals);
  if (form == Form::Guide) {
    out += "client=\"";
    append_guide(out, report.client);
    out += "\" msg=\"";
    append_guide(out, inner);
    out += '"';
    return;
  }
  out += "client=<";
  append_classic(out, report.client, false);
  out += ">, msg=<";
  append_rewritten(out, inner);
  out += '>';
}

}  // namespace

std::optional<Form> form_named(std::string_view word) {
  if (base::equal_no_case(word, "guide")) return Form::Guide;
  if (base::equal_no_case(word, "classic")) return Form::Classic;
  return std::nullopt;
}

Result<std::string> parse_header(std::string_view text) {
  const auto wrong = [](const std::string& what) {
    return Error{
        Error::Kind::Malformed,
        what + "; give text with %S (severity), %T (time), %C (class), %% (a percent sign)"};
  };
  if (base::printable(text).size() != text.size()) return wrong("not plain printable text");
  for (std::size_t i = text.find('%'); i < text.size(); i = text.find('%', i + 2)) {
    const char sign = i + 1 < text.size() ? text[i + 1] : '\0';
    if (sign == 'F' || sign == 'L' || sign == 'E') {
      return wrong(std::string{"%"} + sign +
                   " (source file, its line, errno) is not in our reports");
    }
    if (sign != 'S' && sign != 'T' && sign != 'C' && sign != '%') return wrong("a % of no meaning");
  }
  return std::string{text};
}

std::string line_of(const Report& report, Form form) { return line_of(report, Layout{form, {}}); }

std::string line_of(const Report& report, const Layout& layout) {
  thread_local TimeText times;
  std::string line;
  line.reserve(kUsualLine);
  if (report.client.empty()) {
    append_line(line, report, layout.form, layout.header, times);
  } else {
    append_wrapped(line, report, layout.form, layout.header, times);
  }
  return line;
}

}  // namespace samhain::report
