#include "config/conditions.h"

#include <fmt/format.h>
#include <regex.h>

#include <array>
#include <utility>

#include "base/text.h"

namespace samhain::config {
namespace {

constexpr std::string_view kBlanks = " \t";

/// The first word of `text`; `text` loses it and the blanks after it.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text = base::trim(text.substr(word.size()));
  return word;
}

/// Takes one leading `not` or `!` off.
bool take_negation(std::string_view& test) {
  if (test.starts_with('!')) {
    test = base::trim(test.substr(1));
    return true;
  }
  std::string_view rest = test;
  if (!base::equal_no_case(take_word(rest), "not")) return false;
  test = rest;
  return true;
}

/// The text of an error of regcomp(3).
std::string describe(int code, const regex_t& expression) {
  std::array<char, 256> text{};
  regerror(code, &expression, text.data(), text.size());
  return text.data();
}

/// Whether an extended regular expression is found anywhere in `text`.
Result<bool> is_found(const std::string& expression, const std::string& text) {
  regex_t compiled{};
  const int code = regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB);
  if (code != 0) return Error{Error::Kind::Malformed, describe(code, compiled)};
  const bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

constexpr std::string_view kTests =
    "hostname_matches, system_matches, file_exists, interface_exists, command_succeeds";

}  // namespace

void Conditions::complain(Problem::Kind kind, unsigned number, std::string_view line,
                          std::string reason, std::string remedy) {
  problems_.push_back(
      Problem{kind, number, {}, std::string{line}, std::move(reason), std::move(remedy)});
}

void Conditions::open(bool counts, unsigned number) {
  const bool outer_counts = is_active();
  blocks_.push_back(Block{outer_counts, outer_counts && counts, false, number});
}

void Conditions::turn(unsigned number) {
  if (blocks_.empty()) {
    complain(Problem::Kind::UnmatchedEnd, number, "@else", "@else without an @if",
             "begin the block with @if TEST");
    return;
  }
  Block& block = blocks_.back();
  if (block.has_else) {
    complain(Problem::Kind::InvalidLine, number, "@else",
             fmt::format("second @else of the block that begins in line {}", block.line),
             "end the block with @fi; what follows here is left out");
    block.counts = false;
    return;
  }
  block.has_else = true;
  block.counts = block.outer_counts && !block.counts;
}

void Conditions::close(std::string_view word, unsigned number) {
  if (blocks_.empty()) {
    complain(Problem::Kind::UnmatchedEnd, number, word, "no block is open here",
             "begin one with @if TEST, or remove this line");
    return;
  }
  blocks_.pop_back();
}

bool Conditions::matches(std::string_view text, const std::string& name, unsigned number) {
  if (text.empty()) {
    complain(Problem::Kind::InvalidLine, number, text, "nothing to compare with",
             "give a name or an extended regular expression (regex(7))");
    return false;
  }
  if (!name.empty() && text.starts_with(name)) return true;
  const auto found = is_found(std::string{text}, name);
  if (found) return *found;
  complain(Problem::Kind::InvalidLine, number, text,
           fmt::format("bad regular expression: {}", found.error().what),
           "give a name or an extended regular expression (regex(7))");
  return false;
}

bool Conditions::is_true(std::string_view test, unsigned number) {
  std::string_view rest = test;
  const bool is_negated = take_negation(rest);
  const std::string word = base::lower(take_word(rest));
  const std::string argument{rest};
  const std::size_t problems_before = problems_.size();

  bool holds = false;
  if (word == "hostname_matches") {
    holds = matches(rest, surroundings_.host_name, number);
  } else if (word == "system_matches") {
    holds = matches(rest, surroundings_.system_name, number);
  } else if (word != "file_exists" && word != "interface_exists" && word != "command_succeeds") {
    complain(Problem::Kind::UnsupportedTest, number, test, "this test does not exist",
             fmt::format("tests are {}", kTests));
  } else if (argument.empty()) {
    complain(Problem::Kind::InvalidLine, number, test, fmt::format("{} of what?", word),
             "give its argument on the same line");
  } else if (word == "file_exists") {
    holds = surroundings_.file_exists(argument);
  } else if (word == "interface_exists") {
    holds = surroundings_.interface_exists(argument);
  } else {
    holds = surroundings_.command_succeeds(argument);
  }
  // What could not be tested must not come true by being negated.
  return problems_.size() == problems_before && holds != is_negated;
}

bool Conditions::take(std::string_view line, unsigned number) {
  std::string_view rest = line;
  const bool is_negated = rest.starts_with("!@") || rest.starts_with("!$");
  if (is_negated) rest.remove_prefix(1);
  if (!rest.starts_with('@') && !rest.starts_with('$')) return false;

  std::string_view after = rest;
  const std::string word = base::lower(take_word(after));
  const bool is_close = word == "@fi" || word == "@end" || word == "$end";
  if (!is_negated && (is_close || word == "@else")) {
    is_close ? close(word, number) : turn(number);
    if (!after.empty()) {
      complain(Problem::Kind::InvalidLine, number, line, fmt::format("text after {}", word),
               "put comments on lines of their own");
    }
    return true;
  }

  // Inside a block that does not count only the nesting matters: no command is run.
  if (!is_active()) {
    open(false, number);
    return true;
  }
  if (!is_negated && word == "@if") {
    open(is_true(after, number), number);
    return true;
  }
  const std::string_view text = base::trim(rest.substr(1));
  const std::string& name =
      rest.front() == '@' ? surroundings_.host_name : surroundings_.system_name;
  const std::size_t problems_before = problems_.size();
  const bool holds = matches(text, name, number);
  open(problems_.size() == problems_before && holds != is_negated, number);
  return true;
}

void Conditions::finish() {
  if (blocks_.empty()) return;
  complain(Problem::Kind::MissingEnd, blocks_.back().line, {},
           fmt::format("blocks open at the end of the configuration: {}, the last from here",
                       blocks_.size()),
           "close it with @fi, before [EOF] and before the end of the file");
  blocks_.clear();
}

}  // namespace samhain::config
