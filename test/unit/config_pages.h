#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/settings.h"

namespace samhain {

/// A file of the source tree.
inline std::string source_text(const std::string& name) {
  std::ifstream file{std::string{TOP_SRCDIR} + "/" + name};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// The literal blocks of a page's section EXAMPLES, as man(1) shows them.
inline std::vector<std::string> examples_of(const std::string& page) {
  constexpr std::string_view kBegin = ".Bd -literal -offset indent\n";
  std::vector<std::string> examples;
  std::size_t at = page.find(".Sh EXAMPLES");
  while (at != std::string::npos && (at = page.find(kBegin, at)) != std::string::npos) {
    at += kBegin.size();
    std::string text = page.substr(at, page.find(".Ed\n", at) - at);
    for (std::size_t escape = 0; (escape = text.find("\\e", escape)) != std::string::npos;) {
      text.replace(escape++, 2, "\\");
    }
    examples.push_back(std::move(text));
  }
  return examples;
}

/// The problems as one text for a test's output.
inline std::string told(const std::vector<config::Problem>& problems) {
  std::string text;
  for (const config::Problem& problem : problems) {
    text += std::to_string(problem.line) + ": " + problem.key + " " + problem.value + ": " +
            problem.reason + "; " + problem.remedy + "\n";
  }
  return text;
}

/// A line that uses what is not built.
inline std::string use_of(const config::NotBuilt& one) {
  std::string text = "[" + std::string{one.section} + "]\n";
  if (one.key.empty()) return text;
  text += one.key;
  return one.key.find('%') == std::string_view::npos ? text + "=1\n" : text + "\n";
}

/// True where the page's section NOT BUILT YET, or WITHOUT USE, has the word.
inline bool page_lists(const std::string& page, const config::NotBuilt& one) {
  const std::string_view word = one.key.empty() ? one.section : one.key;
  const std::size_t begin = page.find(one.no_use.empty() ? ".Sh NOT BUILT YET" : ".Sh WITHOUT USE");
  const std::string section = page.substr(begin, page.find(".Sh ", begin + 1) - begin);
  const std::size_t at = section.find(" " + std::string{word});
  if (at == std::string::npos) return false;
  const char after = section[at + 1 + word.size()];
  return after == ' ' || after == '\n';
}

}  // namespace samhain
