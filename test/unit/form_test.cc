#include "report/form.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <chrono>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "classic_samples.h"
#include "report/catalog.h"

namespace samhain::report {
namespace {

constexpr std::int64_t kNs = 1'000'000'000;

class FormTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

std::int64_t time_in(const std::string& line) {
  tm parts{};
  EXPECT_NE(strptime(line.c_str() + 11, "%Y-%m-%dT%H:%M:%S", &parts), nullptr) << line;
  return timegm(&parts) * kNs;
}

Severity severity_in(std::string_view line) {
  for (std::size_t i = 0; i < kSeverityCount; ++i) {
    if (line.starts_with(tag(static_cast<Severity>(i)))) return static_cast<Severity>(i);
  }
  ADD_FAILURE() << line;
  return Severity::None;
}

std::vector<Field> fields_in(const std::string& text, Form form) {
  static const std::regex kClassic{"([A-Za-z0-9_]+)=<([^<>]*)>"};
  static const std::regex kGuide{"([A-Za-z0-9_]+)=\"((?:[^\"\\\\]|\\\\.)*)\""};
  const std::regex& pattern = form == Form::Classic ? kClassic : kGuide;
  std::vector<Field> fields;
  for (std::sregex_iterator i{text.begin(), text.end(), pattern}, end; i != end; ++i) {
    const auto value = unescape((*i)[2].str(), form);
    EXPECT_TRUE(value) << (*i)[2];
    fields.push_back({(*i)[1].str(), value.value_or("")});
  }
  return fields;
}

Report read_line(const std::string& line, Form form) {
  Report report;
  report.severity = severity_in(line);
  report.time_ns = time_in(line);
  report.fields = fields_in(line.substr(line.find("] ") + 2), form);
  return report;
}

/// A wrapped classic line's values come back by `=xx` alone (docs/log-format.md).
std::string unrewritten(const std::string& text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      value += text[i];
      continue;
    }
    value += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return value;
}

Report read_wrapped(const std::string& line, Form form) {
  if (form == Form::Guide) {
    const Report outer = read_line(line, form);
    Report inner = read_line(std::string{outer.message()}, form);
    inner.client = outer.find("client");
    inner.arrival_ns = outer.time_ns;
    return inner;
  }
  static const std::regex kWrapped{"client=<([^<>]*)>, msg=<(.*)>"};
  std::smatch match;
  EXPECT_TRUE(std::regex_search(line, match, kWrapped)) << line;
  const std::string text = match[2];
  Report inner;
  inner.client = unescape(match[1].str(), Form::Classic).value_or("");
  inner.arrival_ns = time_in(line);
  inner.severity = severity_in(text);
  inner.time_ns = time_in(text);
  static const std::regex kField{"([A-Za-z0-9_]+)=<([^<>]*)>"};
  for (std::sregex_iterator i{text.begin(), text.end(), kField}, end; i != end; ++i) {
    inner.fields.push_back({(*i)[1].str(), unrewritten((*i)[2].str())});
  }
  return inner;
}

bool is_one_printable_line(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string random_bytes(std::mt19937& random) {
  std::string text(random() % 64, '\0');
  // Half the bytes are the ones that matter.
  constexpr std::string_view kMatters = "<>=\"'\\ ,\n\r&;\x7f/0123\xc3\xa4";
  for (char& c : text) {
    c = (random() & 1) != 0 ? static_cast<char>(random() & 0xFF)
                            : kMatters[random() % kMatters.size()];
  }
  return text;
}

TEST_F(FormTest, PrintsEverySampleOfTheOriginalToTheByte) {
  for (const std::string_view sample : kClassicSamples) {
    const std::string line{sample};
    EXPECT_EQ(line_of(read_line(line, Form::Classic), Form::Classic), line);
  }
}

TEST_F(FormTest, PrintsTheGuidesNotation) {
  const Report report =
      make(kNotInClientList, 1'795'380'532 * kNs, {{"client", "client.mydomain.com"}});
  EXPECT_EQ(line_of(report, Form::Guide),
            "CRIT   :  [2026-11-22T20:48:52+0000] msg=\"Invalid connection attempt: Not in client "
            "list\" client=\"client.mydomain.com\"");
}

TEST_F(FormTest, WrapsAClientsReport) {
  Report report = make(kSuspend, 1'795'380'530 * kNs, {{"program", "Samhain"}});
  report.client = "client1";
  report.arrival_ns = 1'795'380'532 * kNs;
  EXPECT_EQ(line_of(report, Form::Classic),
            "<TCP>  :  [2026-11-22T20:48:52+0000] client=<client1>, msg=<MARK   :  "
            "[2026-11-22T20:48:50+0000] msg=<SUSPEND> program=<Samhain>>");
  EXPECT_EQ(line_of(report, Form::Guide),
            "<TCP>  :  [2026-11-22T20:48:52+0000] client=\"client1\" msg=\"MARK   :  "
            "[2026-11-22T20:48:50+0000] msg=\\\"SUSPEND\\\" program=\\\"Samhain\\\"\"");
}

TEST_F(FormTest, RewritesAClientsClassicLineAsTheOriginalServerDoes) {
  Report report = make(kWeirdFilename, 0, {{"path", "/a b/\xc3\xa9\n'x=y\"\\"}});
  report.client = "c";
  EXPECT_EQ(line_of(report, Form::Classic),
            "<TCP>  :  [1970-01-01T00:00:00+0000] client=<c>, msg=<CRIT   :  "
            "[1970-01-01T00:00:00+0000] msg=<Weird filename>, "
            "path=</a=20b/=c3=a9=0a=27x=3dy=22=5c>>");
}

TEST_F(FormTest, LetsNoNameForgeAField) {
  const Report report = make(kPolicyAdded, 0, {{"path", "/x>, path=</etc/passwd"}});
  EXPECT_EQ(line_of(report, Form::Classic),
            "CRIT   :  [1970-01-01T00:00:00+0000] msg=<POLICY ADDED>, "
            "path=</x\\076,\\ path=\\074/etc/passwd>");
  EXPECT_EQ(
      line_of(make(kPolicyAdded, 0, {{"path", "/x\" path=\"/y"}}), Form::Guide),
      "CRIT   :  [1970-01-01T00:00:00+0000] msg=\"POLICY ADDED\" path=\"/x\\\" path=\\\"/y\"");
}

TEST_F(FormTest, EscapesBlanksInPathsOnly) {
  const Report report = make(kInvalidInput, 0, {{"option", "a b"}, {"obj", "no path"}});
  EXPECT_NE(line_of(report, Form::Classic).find("option=<a b>, obj=<no path>"), std::string::npos);
  const Report path = make(kInvalidInput, 0, {{"option", "a b"}, {"obj", "/a path"}});
  EXPECT_NE(line_of(path, Form::Classic).find("obj=</a\\ path>"), std::string::npos);
}

TEST_F(FormTest, BringsEveryByteBackFromOneLine) {
  std::mt19937 random{11};
  for (int i = 0; i < 4'000; ++i) {
    for (const Form form : {Form::Guide, Form::Classic}) {
      Report report = make(kWeirdFilename, 1'795'380'530 * kNs,
                           {{"path", random_bytes(random)},
                            {"obj", random_bytes(random)},
                            {"userid", random_bytes(random)}});
      const std::string line = line_of(report, form);
      ASSERT_TRUE(is_one_printable_line(line)) << line;
      EXPECT_EQ(read_line(line, form).fields, report.fields) << line;

      report.client = "x" + random_bytes(random);
      report.arrival_ns = 1'795'380'532 * kNs;
      const std::string wrapped = line_of(report, form);
      ASSERT_TRUE(is_one_printable_line(wrapped)) << wrapped;
      const Report back = read_wrapped(wrapped, form);
      EXPECT_EQ(back.fields, report.fields) << wrapped;
      EXPECT_EQ(back.client, report.client) << wrapped;
      EXPECT_EQ(back.arrival_ns, report.arrival_ns);
      EXPECT_EQ(back.time_ns, report.time_ns);
    }
  }
}

TEST_F(FormTest, UnescapesWhatItEscaped) {
  std::mt19937 random{3};
  for (int i = 0; i < 10'000; ++i) {
    const std::string bytes = random_bytes(random);
    for (const Form form : {Form::Guide, Form::Classic}) {
      EXPECT_EQ(unescape(escape(bytes, form), form), bytes);
    }
  }
}

TEST_F(FormTest, RefusesToUnescapeWhatNobodyEscapes) {
  for (const std::string_view text : {"\\", "\\x", "\\12", "\\477", "a\nb", "\x80", "\""}) {
    EXPECT_EQ(unescape(text, Form::Guide), std::nullopt) << text;
    EXPECT_EQ(unescape(text, Form::Classic), std::nullopt) << text;
  }
  EXPECT_EQ(unescape("\\n", Form::Guide), std::nullopt);
  EXPECT_EQ(unescape("a>", Form::Classic), std::nullopt);
}

TEST_F(FormTest, KnowsItsWords) {
  EXPECT_EQ(form_named("Guide"), Form::Guide);
  EXPECT_EQ(form_named("classic"), Form::Classic);
  EXPECT_EQ(form_named("xml"), std::nullopt);
}

TEST_F(FormTest, PutsEachSecondIntoWordsOnce) {
  // Two times in turn, as arrival and report have them, and a step back.
  for (const std::int64_t second : {5, 6, 5, 5, 7}) {
    const std::string line = line_of(make(kTimestamp, second * kNs + 999'999'999), Form::Guide);
    EXPECT_EQ(time_in(line), second * kNs);
  }
}

TEST(HeaderTest, TakesTheHeadThatSettingsGive) {
  Report report = make(kPolicyMissing, 0, {{"path", "/x"}});
  const Layout usual{Form::Guide, *parse_header("%S %T")};
  EXPECT_EQ(line_of(report, usual), line_of(report, Form::Guide));

  const Layout other{Form::Classic, *parse_header("100%% %C")};
  EXPECT_EQ(line_of(report, other), "100% EVENT msg=<POLICY MISSING>, path=</x>");
  report.client = "client1";
  const std::string wrapped = line_of(report, other);
  EXPECT_TRUE(wrapped.starts_with("100% TCP client=<client1>, msg=<CRIT   :  [")) << wrapped;
}

TEST(HeaderTest, RefusesWhatNoReportHas) {
  for (const std::string_view text : {"%S %F", "%L", "%E", "%x", "50%", "a\tb"}) {
    EXPECT_FALSE(parse_header(text)) << text;
  }
}

}  // namespace
}  // namespace samhain::report
