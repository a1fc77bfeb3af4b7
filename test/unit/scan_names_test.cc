#include "base/clock.h"
#include "report/form.h"
#include "scan/names.h"
#include "unit/scan_support.h"

namespace samhain::scan::testing {
namespace {

using policy::Name;

const char* const kNames[] = {"new\nline", "esc\x1b[31mred", "a>b, path=<x>", "\xff\xfe bytes",
                              "quote\"s",  "back\\slash",    " blanks "};

TEST_F(ScanTest, CarriesNamesOfAnyBytesThrough) {
  for (const char* name : kNames) write_file(at(name), "1");
  watch(Name::ReadOnly, tree());
  init();
  check();
  for (const Report& report : reports_) EXPECT_EQ(report.message(), "Weird filename");
  for (const char* name : kNames) write_file(at(name), "22");
  check();
  for (const char* name : kNames) {
    bool is_told = false;
    for (const Report& report : reports_) {
      if (report.find("path") != at(name)) continue;
      is_told |= report.message() == "POLICY [ReadOnly] C-------TS";
      for (const auto form : {report::Form::Guide, report::Form::Classic}) {
        const std::string line = report::line_of(report, form);
        EXPECT_EQ(line.find_first_of("\n\x1b\xff"), std::string::npos) << name;
      }
    }
    EXPECT_TRUE(is_told) << name;
  }
}

TEST(NamesTest, KnowWhatIsWeird) {
  const NameCheck check{NameRules{}};
  for (const char* name : {"new\nline", "\x1b[31m", "\xc3\xa9", "\x7f", "quote\"", "blank "}) {
    EXPECT_TRUE(check.is_weird(name)) << name;
  }
  for (const char* name : {"plain", " leading", "a b", "a>b", "back\\slash", "$&;'`"}) {
    EXPECT_FALSE(check.is_weird(name)) << name;
  }
}

TEST(NamesTest, BytesCanBeMadeOrdinary) {
  NameRules rules;
  ASSERT_TRUE(read_ordinary_bytes("0xe4,0344 246", rules));
  EXPECT_FALSE(NameCheck{rules}.is_weird("\xe4\xf6"));
  EXPECT_TRUE(NameCheck{rules}.is_weird("\xfc"));
  ASSERT_TRUE(read_ordinary_bytes("32", rules));  // takes the place of the line before it
  EXPECT_FALSE(NameCheck{rules}.is_weird("blank "));
  EXPECT_TRUE(NameCheck{rules}.is_weird("\xe4"));
  ASSERT_TRUE(read_ordinary_bytes("all", rules));
  EXPECT_FALSE(NameCheck{rules}.is_weird("a\nb\" "));
  for (const char* value : {"", "256", "x", "0x", "0x100", "08", "-1", "1;2", "all,1"}) {
    NameRules untouched;
    EXPECT_FALSE(read_ordinary_bytes(value, untouched)) << value;
  }
}

TEST(NamesTest, AsUtf8OnlyWhatMisleadsIsWeird) {
  NameRules rules;
  rules.are_utf8 = true;
  rules.are_all_ordinary = true;  // has nothing to say here
  const NameCheck check{rules};
  for (const char* name :
       {"plain", "\u00e4\u00f6", "\u6f22\u5b57", "a\u00a0b", "\U0001f600", "a b"}) {
    EXPECT_FALSE(check.is_weird(name)) << name;
  }
  for (const char* name : {"\xe4", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\nb",
                           "a\x7f", "q\"", "blank ", "\u00e4 ", "a\u00a0", "a\u200b", "a\u3000",
                           "a\ufeff", "a\u0085z", "txt.\u202eexe", "a\u2066z"}) {
    EXPECT_TRUE(check.is_weird(name)) << name;
  }
}

TEST_F(ScanTest, TellsOfWeirdNamesOnceAScanButNotOfIgnoredOnes) {
  write_file(at("weird "), "1");
  make_directory(at("ignored"));
  write_file(at("ignored/weird "), "1");
  settings_.severities.names = Severity::Notice;
  watch(Name::ReadOnly, tree());
  watch(Name::IgnoreAll, at("ignored"));
  init();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(message(at("weird ")), "Weird filename");
    EXPECT_EQ(only(at("weird ")).severity, Severity::Notice);
    EXPECT_EQ(only(at("weird ")).event_class, EventClass::Fil);
    EXPECT_EQ(reports_.size(), 1U) << all_messages();
    check();
  }
}

TEST_F(ScanTest, TellsOfAnOwnerWithoutANameOnce) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  for (const char* name : {"a", "b"}) {
    write_file(at(name), "1");
    ASSERT_EQ(chown(at(name).c_str(), 54'321, 54'322), 0);
  }
  watch(Name::ReadOnly, tree());
  init();
  ASSERT_EQ(reports_.size(), 2U) << all_messages();
  EXPECT_EQ(reports_[0].message(), "No such user");
  EXPECT_EQ(reports_[0].find("interface"), "getpwuid");
  EXPECT_EQ(reports_[0].find("userid"), "54321");
  EXPECT_EQ(reports_[1].message(), "No such group");
  EXPECT_EQ(reports_[1].find("group"), "54322");
}

}  // namespace
}  // namespace samhain::scan::testing
