#include "config/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "config/conditions.h"

namespace samhain::config {
namespace {

constexpr std::array<std::string_view, 6> kStandsAlone = {"closecommand",   "closeaddress",
                                                          "logmonendgroup", "logmonendhost",
                                                          "%schedule_two",  "!%schedule_two"};

bool stands_alone(std::string_view key) {
  return std::find(kStandsAlone.begin(), kStandsAlone.end(), key) != kStandsAlone.end();
}

bool is_comment(std::string_view line) {
  return line.starts_with('#') || line.starts_with(';') || line.starts_with("//");
}

/// Walks the lines once and fills a Document.
class Parser {
 public:
  explicit Parser(const Surroundings& surroundings)
      : surroundings_(surroundings), conditions_(surroundings, document_.problems) {}

  Document run(std::string_view text) {
    if (text.size() > kMaxFile) {
      complain(Problem::Kind::Unreadable, {}, {}, fmt::format("the file has {} bytes", text.size()),
               fmt::format("at most {} are read", kMaxFile));
      return std::move(document_);
    }
    while (!text.empty() && !is_over_) {
      const std::size_t end = text.find('\n');
      ++number_;
      take_raw_line(text.substr(0, end));
      // Such a file is a mistake, and its problems would fill the log.
      if (document_.problems.size() >= kMaxProblems) return give_up();
      text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    conditions_.finish();
    return std::move(document_);
  }

 private:
  void complain(Problem::Kind kind, std::string_view key, std::string_view value,
                std::string reason, std::string remedy) {
    document_.problems.push_back(Problem{kind, number_, std::string{key}, std::string{value},
                                         std::move(reason), std::move(remedy)});
  }

  Document give_up() {
    complain(Problem::Kind::Unreadable, {}, {}, "too many wrong lines: the rest is not read",
             "give a samhain configuration file");
    return std::move(document_);
  }

  void take_raw_line(std::string_view raw) {
    if (raw.size() > kMaxLine) {
      complain(Problem::Kind::Unreadable, {}, {}, fmt::format("the line has {} bytes", raw.size()),
               fmt::format("at most {} are read", kMaxLine));
      return;
    }
    if (raw.find('\0') != std::string_view::npos) {
      complain(Problem::Kind::Unreadable, {}, {}, "the line holds a NUL byte",
               "a configuration is plain text");
      return;
    }
    const std::string_view line = base::trim(raw);
    if (!line.empty() && !is_comment(line)) take_line(line);
  }

  void take_line(std::string_view line) {
    if (conditions_.take(line, number_) || !conditions_.is_active()) return;
    if (line.front() == '[') {
      take_heading(line);
    } else {
      take_setting(line);
    }
  }

  void take_heading(std::string_view line) {
    const std::size_t end = line.find(']');
    const std::string_view name = base::trim(line.substr(1, end == line.npos ? end : end - 1));
    if (end != line.size() - 1) {
      // Its lines are meant for it; only to leave them out would be worse than to guess.
      complain(Problem::Kind::InvalidLine, {}, line,
               end == line.npos ? "no ] after the section's name" : "text after the section's ]",
               fmt::format("write [{}] alone on its line", name));
    }
    if (base::equal_no_case(name, "eof")) {
      is_over_ = true;
      return;
    }
    has_section_ = true;
    section_ = base::lower(name);
    document_.headings.push_back(Heading{section_, number_});
  }

  void take_setting(std::string_view line) {
    const std::size_t equals = line.find('=');
    const std::string key = base::lower(base::trim(line.substr(0, equals)));
    const bool has_value = equals != line.npos;
    // Before the first section: the armour of a clear-signed file has no `=`.
    if (!has_section_ && !has_value) return;
    if (!has_section_) {
      complain(Problem::Kind::InvalidLine, key, line, "no section has begun",
               "put a heading such as [Misc] above it");
      return;
    }
    const std::string_view value = has_value ? base::trim(line.substr(equals + 1)) : "";
    if (key.empty() || (value.empty() && !stands_alone(key))) {
      complain(
          Problem::Kind::InvalidLine, key, line,
          !has_value ? "no = in the line" : (key.empty() ? "no key before =" : "no value after ="),
          "write KEY = VALUE");
      return;
    }
    take_value(key, value);
  }

  void take_value(const std::string& key, std::string_view value) {
    if (!value.starts_with("$(")) {
      add(key, std::string{value});
      return;
    }
    if (!value.ends_with(')')) {
      complain(Problem::Kind::InvalidInput, key, value, "$(…) is only a part of the value",
               "let the command print the whole value");
      return;
    }
    const auto output =
        surroundings_.command_output(std::string{value.substr(2, value.size() - 3)});
    const std::string_view line = output ? base::trim(*output) : std::string_view{};
    if (!line.empty() && line.find('\0') == line.npos) {
      add(key, std::string{line});
      return;
    }
    complain(Problem::Kind::InvalidInput, key, value,
             output ? "the first line of the command's output is empty or binary"
                    : fmt::format("the command failed: {}", output.error().text()),
             "let the command print the value in its first line and exit with status 0");
  }

  void add(const std::string& key, std::string value) {
    document_.entries.push_back(Entry{section_, key, std::move(value), number_});
  }

  const Surroundings& surroundings_;
  Document document_;
  Conditions conditions_;
  std::string section_;
  unsigned number_ = 0;
  bool has_section_ = false;
  bool is_over_ = false;
};

}  // namespace

Document parse(std::string_view text, const Surroundings& surroundings) {
  return Parser{surroundings}.run(text);
}

}  // namespace samhain::config
