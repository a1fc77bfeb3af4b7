#include <gtest/gtest.h>
#include <sys/mman.h>

#include "sys/file.h"
#include "uplink_fake_server.h"

namespace samhain::uplink {
namespace {

class UploadsTest : public SessionTest {
 protected:
  static Offer offer(const std::string& content) {
    Offer result;
    result.file.reset(memfd_create("offer", MFD_CLOEXEC));
    EXPECT_TRUE(sys::write_all(result.file.get(), as_bytes(content)));
    result.size = content.size();
    result.sha256 = crypto::sha256(as_bytes(content));
    return result;
  }
  void put(Offer what) {
    session->put(std::move(what), [this](Delivered&& one) { delivered.push_back(one); });
  }
  bool is_done(std::size_t count = 1) {
    return run_until(*loop, [this, count] { return delivered.size() >= count; });
  }
  std::string received(std::string_view expect) const {
    const Report* state = find_told("Invalid connection state");
    if (state == nullptr || state->find("expect") != expect) return "nothing told";
    return std::string{state->find("received")};
  }

  std::vector<Delivered> delivered;
};

TEST_F(UploadsTest, ABaselineArrivesWholeAndFewChunksAreUnderWay) {
  start();
  const std::string content(40 * wire::kMaxChunk + 1, 'b');
  put(offer(content));
  ASSERT_TRUE(is_done());
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Stored);
  ASSERT_EQ(server->stored.size(), 1U);
  EXPECT_EQ(server->stored[0], content);
  EXPECT_LE(server->most_chunks_under_way, Upload::kWindow);
  EXPECT_GT(server->most_chunks_under_way, 1U);
  EXPECT_EQ(session->known_as(), "client");
}

TEST_F(UploadsTest, OneThatNobodyTakesIsGivenUpInTime) {
  settings.answer_limit = 30ms;
  start();
  server->takes_chunks = false;
  put(offer(std::string(40 * wire::kMaxChunk, 'b')));
  ASSERT_TRUE(is_done());
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Failed);
  EXPECT_EQ(server->most_chunks_under_way, Upload::kWindow);
  EXPECT_EQ(server->questions, static_cast<int>(Session::kMaxTries));
  EXPECT_GE(times_told("Connection error: the server does not take the baseline"), 1);
}

TEST_F(UploadsTest, ARefusalEndsItAndTheSessionGoesOn) {
  start();
  server->takes_uploads = false;
  put(offer(std::string(40 * wire::kMaxChunk, 'b')));
  submit(2);
  ASSERT_TRUE(run_until(*loop, [this] { return !delivered.empty() && session->is_settled(); }));
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Refused);
  EXPECT_EQ(server->connections, 1);
  server->takes_uploads = true;
  put(offer("small"));
  ASSERT_TRUE(is_done(2));
  EXPECT_EQ(delivered[1].kind, Delivered::Kind::Stored);
}

TEST_F(UploadsTest, ABrokenConnectionBeginsItAnew) {
  start();
  server->breaks_at = 3;
  const std::string content(10 * wire::kMaxChunk, 'b');
  put(offer(content));
  ASSERT_TRUE(is_done());
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Stored);
  EXPECT_EQ(server->questions, 2);
  EXPECT_EQ(server->stored.back(), content);
}

TEST_F(UploadsTest, AServerThatCannotBeReachedFailsItAtOnce) {
  start();
  server->is_down = true;
  put(offer("base"));
  ASSERT_TRUE(is_done());
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Failed);
  EXPECT_EQ(delivered[0].reason, "the server cannot be reached");
  EXPECT_EQ(server->connections, 1);
}

TEST_F(UploadsTest, AVerdictThatIsNotAuthenticIsNotBelieved) {
  for (bool takes : {true, false}) {
    start();
    delivered.clear();
    told.clear();
    server->takes_uploads = takes;
    server->signs_badly = true;
    put(offer("base"));
    ASSERT_TRUE(is_done());
    EXPECT_EQ(delivered[0].kind, Delivered::Kind::Failed);
    EXPECT_EQ(received("STORED"), "a verdict that is not authentic");
    session.reset();
    spool.reset();
  }
}

TEST_F(UploadsTest, NothingIsStoredBeforeItsEndIsSent) {
  start();
  server->stores_too_early = true;
  server->takes_chunks = false;
  put(offer(std::string(40 * wire::kMaxChunk, 'b')));
  ASSERT_TRUE(is_done());
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Failed);
  EXPECT_EQ(received("NOFILE"), "a frame out of turn");
}

TEST_F(UploadsTest, AFileThatBecameShorterIsGivenUpAndTheSessionGoesOn) {
  start();
  Offer what = offer(std::string(1'000, 'b'));
  what.size = 2'000;
  put(std::move(what));
  put(offer("small"));
  ASSERT_TRUE(is_done(2));
  EXPECT_EQ(delivered[0].kind, Delivered::Kind::Failed);
  EXPECT_NE(delivered[0].reason.find("shorter"), std::string::npos);
  EXPECT_EQ(delivered[1].kind, Delivered::Kind::Stored);
}

}  // namespace
}  // namespace samhain::uplink
