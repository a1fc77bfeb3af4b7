#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "sys/file.h"
#include "uplink_fake_server.h"

namespace samhain::uplink {
namespace {

using wire::FileKind;

class FilesTest : public SessionTest {
 protected:
  Wanted wanted(FileKind kind = FileKind::Configuration) const {
    Wanted result;
    result.kind = kind;
    result.limit_bytes = 1U << 20;
    result.store = *Store::in_memory();
    return result;
  }
  void get(Wanted what) {
    session->get(std::move(what), [this](Fetched&& one) { fetched.push_back(std::move(one)); });
  }
  bool is_fetched(std::size_t count = 1) {
    return run_until(*loop, [this, count] { return fetched.size() >= count; });
  }
  static std::string content(Fetched& one) {
    const auto bytes = sys::read_all(one.store.fd(), 1U << 20);
    return bytes ? std::string{as_text(*bytes)} : "unreadable";
  }
  std::string received(std::string_view expect) const {
    const Report* state = find_told("Invalid connection state");
    if (state == nullptr || state->find("expect") != expect) return "nothing told";
    return std::string{state->find("received")};
  }

  std::vector<Fetched> fetched;
};

TEST_F(FilesTest, AFileComesWholeAndCannotBeChangedAnyMore) {
  start();
  const std::string text(70'000, 'c');
  server->files[FileKind::Configuration] = text;
  server->chunk_size = 65'536;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  ASSERT_EQ(fetched[0].kind, Fetched::Kind::Received);
  EXPECT_EQ(fetched[0].size, text.size());
  EXPECT_EQ(fetched[0].sha256, crypto::sha256(as_bytes(text)));
  EXPECT_EQ(content(fetched[0]), text);
  EXPECT_EQ(write(fetched[0].store.fd(), "x", 1), -1) << "it is sealed";
  EXPECT_TRUE(told.size() == 1) << "only the key negotiated";
}

TEST_F(FilesTest, AnEmptyFileIsAFile) {
  start();
  server->files[FileKind::Configuration] = "";
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Received);
  EXPECT_EQ(content(fetched[0]), "");
}

TEST_F(FilesTest, TheCopyAtHandIsKeptWhileItIsCurrent) {
  start();
  server->files[FileKind::Baseline] = "base";
  Wanted what = wanted(FileKind::Baseline);
  what.held = crypto::sha256(as_bytes(std::string_view{"base"}));
  get(std::move(what));
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Unchanged);
  server->files[FileKind::Baseline] = "other";
  what = wanted(FileKind::Baseline);
  what.held = fetched[0].sha256;
  get(std::move(what));
  ASSERT_TRUE(is_fetched(2));
  ASSERT_EQ(fetched[1].kind, Fetched::Kind::Received);
  EXPECT_EQ(content(fetched[1]), "other");
}

TEST_F(FilesTest, TheServerSaysWhatItDoesNotHave) {
  start();
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::NoFile);
  EXPECT_EQ(server->questions, 1);
}

TEST_F(FilesTest, TwoFilesComeOneAfterTheOther) {
  start();
  server->files = {{FileKind::Configuration, std::string(3'000, 'c')},
                   {FileKind::Baseline, std::string(5'000, 'b')}};
  get(wanted());
  get(wanted(FileKind::Baseline));
  ASSERT_TRUE(is_fetched(2));
  EXPECT_EQ(content(fetched[0])[0], 'c');
  EXPECT_EQ(content(fetched[1]).size(), 5'000U);
  EXPECT_EQ(server->authentications, 1);
}

TEST_F(FilesTest, ReportsAreDeliveredBesideAFile) {
  start();
  server->files[FileKind::Configuration] = std::string(9'000, 'c');
  submit(5);
  get(wanted());
  submit(5);
  ASSERT_TRUE(is_fetched());
  ASSERT_TRUE(is_delivered());
  EXPECT_EQ(server->logged.size(), 10U);
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Received);
}

TEST_F(FilesTest, ASessionWithoutASpoolFetchesFilesOnly) {
  start();
  session = std::make_unique<Session>(*loop, clock, nullptr, *server, password, settings,
                                      [this](Report&& report) { told.push_back(report); });
  server->session = session.get();
  server->files[FileKind::Configuration] = "text";
  session->wake();
  EXPECT_EQ(server->connections, 0);
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(content(fetched[0]), "text");
  EXPECT_TRUE(session->is_settled());
}

TEST_F(FilesTest, ABrokenConnectionBeginsTheFileAnew) {
  start();
  server->files[FileKind::Configuration] = std::string(5'000, 'c');
  server->breaks_at = 3;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  ASSERT_EQ(fetched[0].kind, Fetched::Kind::Received);
  EXPECT_EQ(content(fetched[0]).size(), 5'000U) << "no byte twice";
  EXPECT_EQ(server->questions, 2);
}

TEST_F(FilesTest, AServerThatCannotBeReachedFailsItAtOnce) {
  start();
  server->is_down = true;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Failed);
  EXPECT_FALSE(fetched[0].reason.empty());
  EXPECT_EQ(server->connections, 1);
  EXPECT_EQ(times_told("Connection refused, address 127.0.0.1"), 1);
  EXPECT_EQ(times_told("Service failure"), 0) << "the verdict tells it";
}

TEST_F(FilesTest, AfterAFailureTheSessionRests) {
  start();
  server->is_down = true;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  bool has_rested = false;
  loop->after(100ms, [&] { has_rested = true; });
  ASSERT_TRUE(run_until(*loop, [&] { return has_rested; }));
  EXPECT_EQ(server->connections, 1) << "nobody wants anything";
}

TEST_F(FilesTest, NothingOfAFileIsUsedThatIsNotTheOneVouchedFor) {
  start();
  server->files[FileKind::Configuration] = "text";
  server->says_wrong_digest = true;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Failed);
  EXPECT_EQ(fetched[0].store.fd(), -1);
  EXPECT_EQ(received("END"), "CHUNK of another file");
  EXPECT_EQ(server->questions, static_cast<int>(Session::kMaxTries));
}

TEST_F(FilesTest, AVerdictThatIsNotAuthenticIsNotBelieved) {
  start();
  server->signs_badly = true;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Failed) << "not NoFile";
  EXPECT_EQ(received("FILE"), "a verdict that is not authentic");
}

TEST_F(FilesTest, AnEarlierVerdictIsNotBelieved) {
  start();
  server->files[FileKind::Configuration] = "text";
  server->repeats_old_verdict = true;
  get(wanted());
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Failed);
}

TEST_F(FilesTest, AFileAboveTheLimitIsLeftAndTheSessionGoesOn) {
  start();
  server->files = {{FileKind::Baseline, std::string(2'000, 'b')},
                   {FileKind::Configuration, "text"}};
  Wanted what = wanted(FileKind::Baseline);
  what.limit_bytes = 1'999;
  get(std::move(what));
  get(wanted());
  submit(1);
  ASSERT_TRUE(is_fetched(2));
  EXPECT_EQ(fetched[0].kind, Fetched::Kind::Failed);
  EXPECT_NE(fetched[0].reason.find("2000 bytes"), std::string::npos) << fetched[0].reason;
  EXPECT_EQ(fetched[1].kind, Fetched::Kind::Received);
  EXPECT_TRUE(is_delivered());
}

TEST_F(FilesTest, AServerThatFallsSilentIsLeftInTime) {
  settings.answer_limit = 30ms;
  start();
  submit(1);
  ASSERT_TRUE(is_delivered());
  server->is_silent = true;
  settings.keep_alive = 1s;
  get(wanted());
  ASSERT_TRUE(run_until(*loop, [this] { return server->connections >= 2; }));
  server->is_silent = false;
  server->files[FileKind::Configuration] = "text";
  ASSERT_TRUE(is_fetched());
  EXPECT_EQ(times_told("Connection error: the file does not come"), 1);
}

TEST_F(FilesTest, AFileThatNobodyAskedForEndsTheConnection) {
  start();
  submit(1);
  ASSERT_TRUE(is_delivered());
  session->received(wire::Type::File, wire::encode(wire::File{4, {}}));
  EXPECT_FALSE(server->is_open);
  EXPECT_EQ(received("ACK"), "FILE");
}

TEST_F(FilesTest, AFileWithoutANameIsGoneWithItsDescriptor) {
  auto store = Store::in_directory(scratch.path());
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->append(as_bytes(std::string_view{"partial"})));
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
  ASSERT_TRUE(store->clear());
  ASSERT_TRUE(store->append(as_bytes(std::string_view{"whole"})));
  ASSERT_TRUE(store->seal());
  const UniqueFd fd = store->take();
  const auto bytes = sys::read_all(fd.get(), 100);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), "whole");
}

}  // namespace
}  // namespace samhain::uplink
