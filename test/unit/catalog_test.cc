#include "report/catalog.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

namespace samhain::report {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file{std::string{SOURCE_DIR} + "/" + path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(Catalog, PutsTheMessageFirstAndKeepsTheOrder) {
  const Report report = make(kCannotResolvePeer, 5, {{"host", "a"}, {"peer", "b"}});
  EXPECT_EQ(report.severity, Severity::Crit);
  EXPECT_EQ(report.event_class, EventClass::Tcp);
  EXPECT_EQ(report.time_ns, 5);
  const std::vector<Field> expected = {
      {"msg", "Cannot resolve socket peer IP for client"}, {"host", "a"}, {"peer", "b"}};
  EXPECT_EQ(report.fields, expected);
}

TEST(Catalog, FillsValuesIntoTheMessage) {
  EXPECT_EQ(make_filled(kServerUp, {"1017"}, 0).message(),
            "Server up, simultaneous connections: 1017");
  EXPECT_EQ(make_filled(kPolicyChanged, {"[ReadOnly]", "C-------TS"}, 0).message(),
            "POLICY [ReadOnly] C-------TS");
  // A value is not looked through for more places.
  EXPECT_EQ(make_filled(kConnectFailed, {"50%", "::1"}, 0).message(), "50%, address ::1");
}

TEST(Catalog, PutsTheFailedCallBeforeTheMessage) {
  const Report report = make_interface(kInterfaceFailed, "lstat", "No such file or directory", 0,
                                       {{"userid", "0"}, {"path", "/x"}});
  const std::vector<Field> expected = {{"interface", "lstat"},
                                       {"msg", "No such file or directory"},
                                       {"userid", "0"},
                                       {"path", "/x"}};
  EXPECT_EQ(report.fields, expected);
}

TEST(Catalog, IsTheTableOfTheDocument) {
  const std::map<std::string, std::string> words = {
      {"Debug", "debug"}, {"Info", "info"}, {"Notice", "notice"}, {"Warn", "warn"},
      {"Mark", "mark"},   {"Err", "err"},   {"Crit", "crit"},     {"Alert", "alert"}};
  // Neighbouring literals are one; white space means nothing.
  std::string source = std::regex_replace(text_of("src/report/catalog.h"), std::regex{"\\s+"}, " ");
  source = std::regex_replace(source, std::regex{"\" \""}, "");
  const std::string document = text_of("docs/messages.md");
  const std::regex event{
      "constexpr Event k\\w+ ?\\{ ?Severity::(\\w+), EventClass::(\\w+), \"([^\"]*)\", "
      "\"([^\"]*)\"\\}"};
  int count = 0;
  for (std::sregex_iterator i{source.begin(), source.end(), event}, end; i != end; ++i) {
    const std::smatch& match = *i;
    std::string event_class = match[2];
    for (char& c : event_class) c = static_cast<char>(std::toupper(c));
    const std::string message = std::regex_replace(match[3].str(), std::regex{"\\|"}, "\\|");
    const std::string row = "| `" + message + "` | " + words.at(match[1]) + " | " + event_class +
                            " | " + match[4].str() + " |";
    EXPECT_NE(document.find(row), std::string::npos) << "docs/messages.md lacks: " << row;
    ++count;
  }
  const std::regex constant{"constexpr Event k"};
  EXPECT_EQ(count, std::distance(std::sregex_iterator{source.begin(), source.end(), constant}, {}));
}

}  // namespace
}  // namespace samhain::report
