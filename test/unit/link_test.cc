#include "server/link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace samhain::server {
namespace {

using std::chrono::seconds;
using Want = wire::TlsStream::Want;

/// A link and a client of it, both ends in this process.
class LinkTest : public testing::Test {
 protected:
  LinkTest()
      : server_(wire::TlsContext::server()), client_(wire::TlsContext::client()), buffer_(65'536) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    link_.emplace(7, UniqueFd{ends[0]}, now_);
    peer_.reset(ends[1]);
  }

  Result<void> proceed() {
    return link_->proceed(*server_, buffer_, now_, [this](const wire::Frame& frame) {
      types_.push_back(frame.type);
      return Result<void>{};
    });
  }
  void shake_hands() {
    auto stream = wire::TlsStream::open(*client_, std::move(peer_), false);
    ASSERT_TRUE(stream);
    stream_.emplace(std::move(*stream));
    for (int i = 0; i < 10; ++i) {
      const auto want = stream_->handshake();
      ASSERT_TRUE(want);
      ASSERT_TRUE(proceed());
      if (*want == Want::Nothing) return;
    }
    FAIL() << "no handshake";
  }
  void send(ByteView bytes) {
    const auto sent = stream_->write(bytes);
    ASSERT_TRUE(sent);
    ASSERT_EQ(*sent, bytes.size());
  }
  static Bytes frame_of(wire::Type type, std::size_t size) {
    Bytes bytes;
    wire::encode(type, Bytes(size), bytes);
    return bytes;
  }

  Result<wire::TlsContext> server_;
  Result<wire::TlsContext> client_;
  Link::Time now_{seconds{1'000}};
  std::optional<Link> link_;
  UniqueFd peer_;
  std::optional<wire::TlsStream> stream_;
  Bytes buffer_;
  std::vector<wire::Type> types_;
};

TEST_F(LinkTest, RefusesAFirstByteThatIsNoTls) {
  ASSERT_EQ(write(peer_.get(), "GET /", 5), 5);
  const auto proceeded = proceed();
  ASSERT_FALSE(proceeded);
  EXPECT_EQ(proceeded.error().kind, Error::Kind::Malformed);
}

TEST_F(LinkTest, WaitsForASilentPeerUntilTheHandshakesTime) {
  ASSERT_TRUE(proceed());
  const FrontSettings settings;
  EXPECT_FALSE(link_->find_timeout(settings, now_ + seconds{30}));
  EXPECT_EQ(link_->find_timeout(settings, now_ + seconds{31}), Departure::HandshakeTimeout);
}

TEST_F(LinkTest, HandsOverFramesInOrderAndKeepsABegunOne) {
  shake_hands();
  Bytes bytes = frame_of(wire::Type::Hello, 100);
  const Bytes second = frame_of(wire::Type::Proof, 32);
  bytes.insert(bytes.end(), second.begin(), second.end() - 1);
  send(bytes);
  ASSERT_TRUE(proceed());
  EXPECT_EQ(types_, (std::vector{wire::Type::Hello}));
  send(ByteView{second}.last(1));
  ASSERT_TRUE(proceed());
  EXPECT_EQ(types_, (std::vector{wire::Type::Hello, wire::Type::Proof}));
}

TEST_F(LinkTest, CutsABegunFrameThatNeverEnds) {
  shake_hands();
  link_->become_member();
  const Bytes bytes = frame_of(wire::Type::Report, 1'000);
  send(ByteView{bytes}.first(500));
  ASSERT_TRUE(proceed());
  const FrontSettings settings;
  EXPECT_FALSE(link_->find_timeout(settings, now_ + seconds{30}));
  EXPECT_EQ(link_->find_timeout(settings, now_ + seconds{31}), Departure::FrameTimeout);
  send(ByteView{bytes}.subspan(500));
  ASSERT_TRUE(proceed());
  EXPECT_FALSE(link_->find_timeout(settings, now_ + seconds{31}));
}

TEST_F(LinkTest, TakesLargeFramesFromMembersOnly) {
  shake_hands();
  const Bytes head = {0, 0, 0x20, 0, static_cast<std::uint8_t>(wire::Type::Report)};
  link_->become_member();
  send(head);
  EXPECT_TRUE(proceed());
}

TEST_F(LinkTest, RefusesALargeFrameFromAStranger) {
  shake_hands();
  const Bytes head = {0, 0, 0x20, 0, static_cast<std::uint8_t>(wire::Type::Hello)};
  send(head);
  const auto proceeded = proceed();
  ASSERT_FALSE(proceeded);
  EXPECT_EQ(proceeded.error().kind, Error::Kind::Limit);
}

TEST_F(LinkTest, EndsAfterItsLastFrameWasSeen) {
  shake_hands();
  ASSERT_TRUE(link_->send(wire::Type::Refused, Bytes{1}, now_));
  link_->finish(now_);
  EXPECT_FALSE(link_->is_over());
  Bytes answer(100);
  const auto size = stream_->read(answer);
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, 6U);
  stream_.reset();
  ASSERT_TRUE(proceed());
  EXPECT_TRUE(link_->is_over());
}

TEST_F(LinkTest, OneThatGoesOnSendingAfterTheEndIsCut) {
  shake_hands();
  link_->finish(now_);
  const Bytes rubbish(32'768, 'z');
  std::size_t sent = 0;
  while (!link_->is_over() && sent < 64U << 20) {
    const ssize_t size = ::send(stream_->fd(), rubbish.data(), rubbish.size(), MSG_NOSIGNAL);
    if (size > 0) sent += static_cast<std::size_t>(size);
    ASSERT_TRUE(proceed());
  }
  EXPECT_TRUE(link_->is_over());
  EXPECT_GT(sent, 16U << 20);
  EXPECT_LT(sent, 18U << 20);
}

TEST_F(LinkTest, ClosesAnIdleMemberQuietly) {
  shake_hands();
  link_->become_member();
  const FrontSettings settings;
  EXPECT_FALSE(link_->find_timeout(settings, now_ + seconds{600}));
  EXPECT_EQ(link_->find_timeout(settings, now_ + seconds{601}), Departure::Closed);
}

TEST_F(LinkTest, TellsAPeerThatBrokeOff) {
  peer_.reset();
  const auto proceeded = proceed();
  ASSERT_FALSE(proceeded);
  EXPECT_EQ(proceeded.error().kind, Error::Kind::Missing);
}

TEST_F(LinkTest, ReadsNoFrameWhileItIsHeldAndAllOfThemAfterwards) {
  shake_hands();
  link_->become_member();
  Bytes frames = frame_of(wire::Type::Put, 56);
  for (int i = 0; i < 3; ++i) wire::encode(wire::Type::Chunk, Bytes(100), frames);
  send(frames);
  ASSERT_TRUE(link_->proceed(*server_, buffer_, now_, [this](const wire::Frame& frame) {
    types_.push_back(frame.type);
    link_->hold();
    return Result<void>{};
  }));
  ASSERT_TRUE(proceed());
  EXPECT_EQ(types_, (std::vector<wire::Type>{wire::Type::Put}));
  EXPECT_EQ(link_->events(true) & EPOLLIN, 0U);
  EXPECT_FALSE(link_->find_timeout(FrontSettings{}, now_ + seconds{31})) << "it waits for us";

  EXPECT_TRUE(link_->release());
  EXPECT_FALSE(link_->release());
  ASSERT_TRUE(proceed());
  EXPECT_EQ(types_.size(), 4U);
  EXPECT_NE(link_->events(true) & EPOLLIN, 0U);
}

}  // namespace
}  // namespace samhain::server
