#include "server/status_page.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <string>

#include "fake_clock.h"
#include "scratch.h"
#include "sys/file.h"

namespace samhain::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Report of_class(EventClass event_class, const char* message) {
  Report report;
  report.event_class = event_class;
  report.fields = {{"msg", message}};
  return report;
}

class StatusPageTest : public ::testing::Test {
 protected:
  StatusPageTest() {
    setenv("TZ", "UTC", 1);
    tzset();
    for (const char* name : {"a.test", "b.test", "c.test"}) registered_[name].host = name;
    roster_.replace(registered_);
    head_ = {.now_ns = clock_.now_ns(), .started_ns = clock_.now_ns(), .maximum = 1'017};
  }

  Client& admit(const char* name, std::uint8_t number) {
    Client& client = *roster_.find(name);
    Session session;
    session.id[0] = session.instance[0] = number;
    (void)roster_.admit(client, std::move(session), false);
    roster_.touch(client, "192.0.2.1");
    return client;
  }
  std::string page() {
    head_.now_ns = clock_.now_ns();
    templates_.refresh();
    return render_page(roster_, head_, templates_);
  }
  void write(const char* name, std::string_view text) const {
    ASSERT_TRUE(sys::write_file_atomically(scratch_ / name, as_bytes(text), 0644));
  }

  testing::Scratch scratch_;
  test::FakeClock clock_;
  std::map<std::string, srp::Verifier> registered_;
  Roster roster_{clock_};
  PageHead head_;
  PageTemplates templates_{scratch_.path()};
};

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(StatusPageTest, HasTheCommentOfThreeLinesThatScriptsRead) {
  (void)admit("b.test", 1);
  const std::string text = page();
  EXPECT_NE(text.find("<!-- \n[STATUS:] b.test Started [2026-11-22T20:19:17+0000]\n -->\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(count(text, "[STATUS:]"), 3U);
  EXPECT_NE(text.find("[STATUS:] c.test Inactive ["), std::string::npos);
}

TEST_F(StatusPageTest, ShowsOlderEventsNewestFirstWithoutTheName) {
  Client& client = admit("a.test", 1);
  clock_.advance(seconds{1});
  (void)roster_.note(client, of_class(EventClass::Event, "POLICY ADDED"));
  clock_.advance(seconds{1});
  (void)roster_.note(client, of_class(EventClass::Stamp, "File check completed."));
  const std::string text = page();
  const auto status = text.find("[STATUS:] a.test Filecheck");
  const auto policy = text.find(">POLICY<", status);
  const auto started = text.find(">Started<", status);
  ASSERT_NE(status, std::string::npos);
  ASSERT_NE(policy, std::string::npos);
  ASSERT_NE(started, std::string::npos);
  EXPECT_LT(policy, started);
  EXPECT_EQ(count(text, ">a.<wbr>test<"), 1U);
}

TEST_F(StatusPageTest, DropsNoEventOfTheSameMoment) {
  Client& client = admit("a.test", 1);
  (void)roster_.note(client, of_class(EventClass::Event, "POLICY ADDED"));
  (void)roster_.note(client, of_class(EventClass::Panic, "PANIC x"));
  const std::string text = page();
  for (const char* state : {">PANIC<", ">POLICY<", ">Started<"}) {
    EXPECT_NE(text.find(state), std::string::npos) << state;
  }
}

TEST_F(StatusPageTest, PutsFirstWhoNeedsAttentionThenWhoHadTrouble) {
  (void)admit("a.test", 1);
  Client& b = admit("b.test", 2);
  (void)roster_.note(b, of_class(EventClass::Event, "POLICY ADDED"));
  (void)roster_.note(b, of_class(EventClass::Stamp, "File check completed."));
  (void)roster_.note(admit("c.test", 3), of_class(EventClass::Panic, "PANIC x"));
  std::string text = page();
  EXPECT_LT(text.find("] c.test"), text.find("] b.test"));
  EXPECT_LT(text.find("] b.test"), text.find("] a.test"));
  EXPECT_NE(text.find("<b>1</b> PANIC"), std::string::npos);
  clock_.advance(hours{25});
  text = page();
  EXPECT_LT(text.find("] a.test"), text.find("] b.test"));
}

TEST_F(StatusPageTest, SaysNoneAndTheTimesAsTheOriginalDoes) {
  std::string text = page();
  EXPECT_NE(text.find("Last connection: <b>(None)</b>"), std::string::npos);
  EXPECT_NE(text.find("Time: <b>22-11-2026 20:19:17</b>"), std::string::npos) << text;
  EXPECT_NE(text.find("max. 1017 simultaneous"), std::string::npos);
  EXPECT_NE(text.find("<title>Report</title>"), std::string::npos);
  EXPECT_NE(text.find("http-equiv=\"refresh\" content=\"120\""), std::string::npos);
  EXPECT_EQ(text.find("<script"), std::string::npos);
}

TEST_F(StatusPageTest, EscapesWhateverANameHolds) {
  registered_["x--><script>&\"'\x01\xff"].host = "x--><script>&\"'\x01\xff";
  roster_.replace(registered_);
  const std::string text = page();
  EXPECT_EQ(text.find("<script"), std::string::npos);
  EXPECT_NE(text.find("[STATUS:] x--&gt;&lt;script&gt;&amp;&quot;&#39;\\001\\377 Inactive ["),
            std::string::npos)
      << text;
  EXPECT_EQ(count(text, "-->"), 4U);
}

TEST_F(StatusPageTest, FillsTheTemplates) {
  write("head.html", "H %T|%S|%L|%O|%A|%M|100% |%Z|%");
  write("entry.html", "E %H,%S,%T\n");
  write("foot.html", "F %T");
  head_.open = 3;
  head_.total = 12;
  head_.last_connection_ns = head_.now_ns;
  (void)admit("a.test", 1);
  const std::string text = page();
  EXPECT_TRUE(
      text.starts_with("H 22-11-2026 20:19:17|22-11-2026 20:19:17|22-11-2026 20:19:17|3|12|"
                       "1017|100%|%|%E a.test,Started,2026-11-22T20:19:17+0000\n"
                       "<!-- \n[STATUS:] a.test Started"))
      << text;
  EXPECT_NE(text.find("E  ,Inactive,2026-11-22T20:19:17+0000\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("F %T"));
  EXPECT_EQ(render_ended_page(head_, templates_).find("E "), std::string::npos);
}

TEST_F(StatusPageTest, ReadsATemplateAgainWhenItChangedAndComplainsOnce) {
  EXPECT_TRUE(templates_.refresh().empty());
  write("foot.html", "one");
  EXPECT_TRUE(templates_.refresh().empty());
  EXPECT_EQ(templates_.foot(), "one");
  write("foot.html", "two");
  EXPECT_TRUE(templates_.refresh().empty());
  EXPECT_EQ(templates_.foot(), "two");
  write("entry.html", std::string(PageTemplates::kMaxEntry + 1, 'x'));
  ASSERT_EQ(templates_.refresh().size(), 1U);
  EXPECT_TRUE(templates_.refresh().empty());
  EXPECT_FALSE(templates_.entry());
  ASSERT_EQ(mkfifo((scratch_ / "head.html").c_str(), 0600), 0);
  const auto complaints = templates_.refresh();
  ASSERT_EQ(complaints.size(), 1U);
  EXPECT_NE(complaints[0].reason.find("no regular file"), std::string::npos);
}

TEST_F(StatusPageTest, HasNoClientsWhereNoServerRuns) {
  (void)admit("a.test", 1);
  const std::string text = render_ended_page(head_, templates_);
  EXPECT_EQ(text.find("a.test"), std::string::npos);
  EXPECT_EQ(text.find("<table"), std::string::npos);
  EXPECT_NE(text.find("<title>Report</title>"), std::string::npos);
}

}  // namespace
}  // namespace samhain::server
