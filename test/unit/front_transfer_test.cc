#include "server/front_transfer.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "scratch.h"

namespace samhain::server {
namespace {

using testing::Scratch;
using Kind = Error::Kind;

Bytes put_of(std::uint64_t size) {
  return wire::encode(wire::Put{.nonce = {}, .size = size, .sha256 = {}});
}

/// What a client may send when; the bytes themselves are the end-to-end tests' subject.
class FrontTransferTest : public ::testing::Test {
 protected:
  UniqueFd file() {
    return UniqueFd(open((scratch_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }
  void receive(std::uint64_t size) {
    ASSERT_TRUE(transfer_.offer(put_of(size)));
    ASSERT_TRUE(transfer_.receive(file(), now_));
  }
  Scratch scratch_;
  FrontTransfer transfer_;
  FrontTransfer::Time now_{std::chrono::seconds{1'000}};
  const Bytes tag_ = Bytes(32, 7);
};

TEST_F(FrontTransferTest, AllowsOneAtATime) {
  EXPECT_TRUE(transfer_.ask());
  EXPECT_FALSE(transfer_.ask());
  EXPECT_FALSE(transfer_.offer(put_of(1)));
  transfer_.answered(wire::Type::Ack);
  EXPECT_FALSE(transfer_.ask()) << "an ACK is about reports";
  transfer_.answered(wire::Type::NoFile);
  EXPECT_TRUE(transfer_.ask());
}

TEST_F(FrontTransferTest, KeepsWhatItReceives) {
  receive(5);
  EXPECT_TRUE(transfer_.take_chunk(as_bytes("abc"), now_));
  EXPECT_TRUE(transfer_.take_chunk(as_bytes("de"), now_));
  EXPECT_FALSE(transfer_.is_stuck(std::chrono::seconds{30}, now_ + std::chrono::seconds{30}));
  EXPECT_TRUE(transfer_.is_stuck(std::chrono::seconds{30}, now_ + std::chrono::seconds{31}));
  const auto end = transfer_.take_end(tag_);
  ASSERT_TRUE(end);
  ASSERT_TRUE(*end);
  EXPECT_TRUE((*end)->is_whole);
  EXPECT_EQ((*end)->mac[0], 7);
  EXPECT_EQ(testing::read_file(scratch_ / "file"), "abcde");
  EXPECT_FALSE(transfer_.ask()) << "the verdict is not there yet";
  transfer_.answered(wire::Type::Stored);
  EXPECT_TRUE(transfer_.ask());
}

TEST_F(FrontTransferTest, TakesNoMoreAndNoLessThanWasAnnounced) {
  receive(5);
  EXPECT_FALSE(transfer_.take_chunk(as_bytes("abcdef"), now_));
  EXPECT_FALSE(transfer_.take_chunk({}, now_));
  EXPECT_FALSE(transfer_.take_chunk(Bytes(wire::kMaxChunk + 1), now_));
  EXPECT_TRUE(transfer_.take_chunk(as_bytes("abcd"), now_));
  EXPECT_FALSE(transfer_.take_end(tag_));
  EXPECT_FALSE(transfer_.take_end(Bytes(31)));
}

TEST_F(FrontTransferTest, TakesNothingThatWasNotAnnounced) {
  EXPECT_FALSE(transfer_.take_chunk(as_bytes("a"), now_));
  EXPECT_FALSE(transfer_.take_end(tag_));
  EXPECT_FALSE(transfer_.send(file(), {}));
  EXPECT_FALSE(transfer_.receive(file(), now_));
  EXPECT_FALSE(transfer_.offer(Bytes(3)));
}

TEST_F(FrontTransferTest, ThrowsAwayWhatWasRefusedUpToItsSize) {
  ASSERT_TRUE(transfer_.offer(put_of(4)));
  transfer_.answered(wire::Type::NoFile);
  EXPECT_TRUE(transfer_.take_chunk(as_bytes("abc"), now_));
  EXPECT_FALSE(transfer_.take_chunk(as_bytes("de"), now_));
  const auto end = transfer_.take_end(tag_);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end) << "the keeper has answered already";
  EXPECT_TRUE(transfer_.ask());
}

TEST_F(FrontTransferTest, SaysThatAWriteFailed) {
  ASSERT_TRUE(transfer_.offer(put_of(1)));
  ASSERT_TRUE(transfer_.receive(UniqueFd(open("/dev/full", O_WRONLY | O_CLOEXEC)), now_));
  EXPECT_TRUE(transfer_.take_chunk(as_bytes("a"), now_));
  const auto end = transfer_.take_end(tag_);
  ASSERT_TRUE(end && *end);
  EXPECT_FALSE((*end)->is_whole);
}

}  // namespace
}  // namespace samhain::server
