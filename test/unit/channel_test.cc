#include "sys/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

namespace samhain::sys {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Rule, 4> kRules = {{
    {.kind = 20, .min_size = 0, .max_size = Channel::kMaxMessage},
    {.kind = 21, .min_size = 1, .max_size = 4, .descriptors = 1},
    {.kind = 22, .min_size = 2, .max_size = 2, .descriptors = 3},
    {.kind = 23, .min_size = 64, .max_size = 64, .is_secret = true},
}};

class ChannelTest : public ::testing::Test {
 protected:
  using Message = std::function<void(std::uint16_t, ByteView, std::vector<UniqueFd>&)>;

  ChannelTest() : created_(Loop::create()), loop_(**created_), ends_(std::move(*Channel::pair())) {
    loop_.after(20s, [this] {
      ADD_FAILURE() << "the loop did not stop in time";
      loop_.stop();
    });
  }

  std::unique_ptr<Channel> open(UniqueFd fd, Message on_message) {
    auto channel =
        Channel::open(loop_, std::move(fd), kRules, std::move(on_message), [this](const Error& e) {
          EXPECT_FALSE(end_) << "told of the end twice";
          end_ = e;
          loop_.stop();
        });
    return std::move(*channel);
  }
  std::unique_ptr<Channel> sender() {
    return open(std::move(ends_.first),
                [](std::uint16_t, ByteView, std::vector<UniqueFd>&) { FAIL(); });
  }

  /// What happens to a receiver when a peer that keeps no rules sends `bytes`, then with `fds`.
  Error::Kind kind_of_end_after(ByteView bytes, std::vector<int> fds = {}) {
    auto receiver = open(std::move(ends_.second),
                         [](std::uint16_t, ByteView, std::vector<UniqueFd>&) { FAIL(); });
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(253 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      memcpy(CMSG_DATA(head), fds.data(), fds.size() * sizeof(int));
    }
    EXPECT_EQ(sendmsg(ends_.first.get(), &message, MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    loop_.run();
    return end_ ? end_->kind : Error::Kind::Busy;
  }

  Result<std::unique_ptr<Loop>> created_;
  Loop& loop_;
  std::pair<UniqueFd, UniqueFd> ends_;
  std::optional<Error> end_;
};

Bytes message(std::uint32_t length, std::uint16_t kind, std::uint8_t descriptors,
              std::string_view payload = "") {
  Bytes bytes;
  ChannelHeader{length, kind, descriptors}.append_to(bytes);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

TEST_F(ChannelTest, DeliversMessagesInOrder) {
  auto from = sender();
  std::string got;
  auto to = open(std::move(ends_.second),
                 [&](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>& descriptors) {
                   EXPECT_EQ(kind, 20);
                   EXPECT_TRUE(descriptors.empty());
                   got += as_text(payload);
                   if (payload.empty()) loop_.stop();
                 });
  from->send(20, as_bytes("one "));
  from->send(20, as_bytes("two"));
  from->send(20, {});
  loop_.run();
  EXPECT_EQ(got, "one two");
}

TEST_F(ChannelTest, DeliversAMessageThatComesByteByByte) {
  std::string got;
  auto to =
      open(std::move(ends_.second), [&](std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
        got = as_text(payload);
        loop_.stop();
      });
  const Bytes bytes = message(3, 20, 0, "abc");
  std::size_t sent = 0;
  std::function<void()> next = [&] {
    ASSERT_EQ(write(ends_.first.get(), &bytes[sent], 1), 1);
    if (++sent < bytes.size()) loop_.after(0ms, next);
  };
  next();
  loop_.run();
  EXPECT_EQ(got, "abc");
}

TEST_F(ChannelTest, DeliversTheLongestMessageWhole) {
  auto from = sender();
  Bytes longest(Channel::kMaxMessage);
  for (std::size_t i = 0; i < longest.size(); ++i) longest[i] = static_cast<std::uint8_t>(i * 7);
  auto to =
      open(std::move(ends_.second), [&](std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
        EXPECT_TRUE(std::equal(payload.begin(), payload.end(), longest.begin(), longest.end()));
        loop_.stop();
      });
  from->send(20, longest);
  loop_.run();
}

TEST_F(ChannelTest, PassesDescriptorsWithTheMessagesTheyBelongTo) {
  auto from = sender();
  std::vector<int> counts;
  auto to = open(std::move(ends_.second),
                 [&](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>& descriptors) {
                   counts.push_back(static_cast<int>(descriptors.size()));
                   for (const UniqueFd& fd : descriptors) {
                     // Each is the write end of a pipe of its own, so close-on-exec as it came.
                     EXPECT_EQ(fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
                     EXPECT_EQ(write(fd.get(), payload.data(), 1), 1);
                   }
                   if (kind == 22) loop_.stop();
                 });
  std::vector<UniqueFd> readers;
  const auto write_end = [&readers] {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    readers.emplace_back(ends[0]);
    return UniqueFd{ends[1]};
  };
  const auto send = [&](std::uint16_t kind, std::string_view text, int count) {
    std::vector<UniqueFd> descriptors;
    for (int i = 0; i < count; ++i) descriptors.push_back(write_end());
    from->send(kind, as_bytes(text), std::move(descriptors));
  };
  send(20, "before", 0);
  send(21, "a", 1);
  send(21, "b", 1);
  send(20, "between", 0);
  send(22, "cc", 3);
  loop_.run();
  EXPECT_EQ(counts, (std::vector<int>{0, 1, 1, 0, 3}));
  std::string got;
  for (const UniqueFd& reader : readers) {
    char letter = 0;
    ASSERT_EQ(read(reader.get(), &letter, 1), 1);
    got += letter;
  }
  EXPECT_EQ(got, "abccc");
}

TEST_F(ChannelTest, KeepsAHugeQueueAndTellsWhenItHasDrained) {
  auto from = sender();
  const Bytes part(100'000, 7);
  constexpr std::size_t kCount = 200;
  std::size_t got = 0;
  bool was_drained = false;
  from->on_drained([&] {
    EXPECT_FALSE(was_drained);
    was_drained = true;
    EXPECT_LT(from->queued(), 64U << 10);
  });
  for (std::size_t i = 0; i < kCount; ++i) from->send(20, part);
  EXPECT_GT(from->queued(), 10U << 20);
  auto to =
      open(std::move(ends_.second), [&](std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
        EXPECT_EQ(payload.size(), part.size());
        if (++got == kCount) loop_.soon([&] { loop_.soon([&] { loop_.stop(); }); });
      });
  loop_.run();
  EXPECT_EQ(got, kCount);
  EXPECT_TRUE(was_drained);
  EXPECT_EQ(from->queued(), 0U);
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMayReadAllMemory = false;
#elif defined(__has_feature)
constexpr bool kMayReadAllMemory = !__has_feature(address_sanitizer);
#else
constexpr bool kMayReadAllMemory = true;
#endif

/// How often a secret lies anywhere in this process's memory.  It is compared with what it was
/// made of, and in place, so that the search does not find itself.
std::size_t copies_in_memory(ByteView masked, std::uint8_t mask) {
  const auto is_same = [mask](std::uint8_t a, std::uint8_t b) { return a == (b ^ mask); };
  std::vector<ByteView> areas;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    std::array<char, 5> rights{};
    if (sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, rights.data()) != 3) continue;
    if (rights[0] != 'r' || rights[1] != 'w') continue;
    areas.emplace_back(reinterpret_cast<const std::uint8_t*>(from), to - from);
  }
  std::size_t count = 0;
  for (const ByteView area : areas) {
    auto at = area.begin();
    while ((at = std::search(at, area.end(), masked.begin(), masked.end(), is_same)) !=
           area.end()) {
      ++count;
      ++at;
    }
  }
  return count;
}

TEST_F(ChannelTest, LeavesNoCopyOfASecretInMemory) {
  if (!kMayReadAllMemory) GTEST_SKIP() << "not with the address sanitizer";
  constexpr std::uint8_t kMask = 0x5A;
  Bytes masked(64);
  for (std::size_t i = 0; i < masked.size(); ++i) masked[i] = static_cast<std::uint8_t>(i * 37 + 5);
  Bytes secret(masked.size());
  std::ranges::transform(masked, secret.begin(),
                         [](std::uint8_t b) { return static_cast<std::uint8_t>(b ^ kMask); });
  ASSERT_EQ(copies_in_memory(masked, kMask), 1U);

  auto from = sender();
  int secrets = 0;
  auto to = open(std::move(ends_.second), [&](std::uint16_t kind, ByteView payload, auto&) {
    if (kind == 23) secrets += std::ranges::equal(payload, secret) ? 1 : 0;
    if (kind == 20 && payload.size() == 1) loop_.stop();
  });
  // Among others, so that the buffers grow and move while they hold it.
  for (const std::size_t size : {100U, 300'000U, 3'000'000U}) {
    from->send_secret(23, secret);
    from->send(20, Bytes(size));
  }
  from->send(20, Bytes(1));
  loop_.run();
  EXPECT_EQ(secrets, 3);
  explicit_bzero(secret.data(), secret.size());
  EXPECT_EQ(copies_in_memory(masked, kMask), 0U);
}

TEST_F(ChannelTest, FlushWaitsUntilTheKernelHasAll) {
  auto from = sender();
  from->send(20, as_bytes("now"));
  EXPECT_EQ(from->queued(), ChannelHeader::kSize + 3);
  from->flush();
  EXPECT_EQ(from->queued(), 0U);
  std::array<char, 16> got{};
  EXPECT_EQ(read(ends_.second.get(), got.data(), got.size()), 10);
}

TEST_F(ChannelTest, FlushReturnsWhenTheOtherEndIsGone) {
  auto from = sender();
  ends_.second.reset();
  from->send(20, as_bytes("now"));
  from->flush();
  EXPECT_EQ(from->queued(), 0U);
  loop_.run();
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->kind, Error::Kind::Missing);
}

TEST_F(ChannelTest, MayBeDestroyedInsideItsOwnCallback) {
  auto from = sender();
  std::unique_ptr<Channel> to;
  int calls = 0;
  to = open(std::move(ends_.second), [&, keep = std::string(100, 'k')](
                                         std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
    to.reset();
    ++calls;
    EXPECT_EQ(as_text(payload), "first");
    EXPECT_EQ(keep, std::string(100, 'k'));
  });
  from->send(20, as_bytes("first"));
  from->send(20, as_bytes("second"));
  loop_.run();  // until the sender sees the end
  EXPECT_EQ(calls, 1);
}

TEST_F(ChannelTest, DeliversWhatWasSentBeforeTheEndOfTheOtherEnd) {
  auto from = sender();
  int got = 0;
  auto to = open(std::move(ends_.second),
                 [&](std::uint16_t, ByteView, std::vector<UniqueFd>&) { ++got; });
  for (int i = 0; i < 1'000; ++i) from->send(20, as_bytes("x"));
  from->flush();
  from.reset();
  loop_.run();
  EXPECT_EQ(got, 1'000);
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->kind, Error::Kind::Missing);
}

TEST_F(ChannelTest, SendsNothingAfterTheEndAndSurvivesTheTry) {
  auto from = sender();
  ends_.second.reset();
  loop_.run();
  ASSERT_TRUE(end_);
  from->send(20, as_bytes("x"));
  EXPECT_EQ(from->queued(), 0U);
}

TEST_F(ChannelTest, RefusesAKindThatNoRuleAllows) {
  EXPECT_EQ(kind_of_end_after(message(0, 19, 0)), Error::Kind::Refused);
}

TEST_F(ChannelTest, RefusesALengthBelowTheRule) {
  EXPECT_EQ(kind_of_end_after(message(0, 21, 1), {0}), Error::Kind::Refused);
}

TEST_F(ChannelTest, RefusesALengthAboveTheRule) {
  EXPECT_EQ(kind_of_end_after(message(5, 21, 1, "abcde"), {0}), Error::Kind::Refused);
}

TEST_F(ChannelTest, RefusesAnOversizedLengthWithoutWaitingForIt) {
  EXPECT_EQ(kind_of_end_after(message(0xFFFFFFFF, 20, 0)), Error::Kind::Refused);
}

TEST_F(ChannelTest, RefusesAMessageWithoutItsDescriptors) {
  EXPECT_EQ(kind_of_end_after(message(1, 21, 1, "a")), Error::Kind::Refused);
}

TEST_F(ChannelTest, RefusesAnotherNumberOfDescriptorsThanTheRule) {
  EXPECT_EQ(kind_of_end_after(message(1, 21, 2, "a"), {0, 0}), Error::Kind::Refused);
}

TEST_F(ChannelTest, RefusesDescriptorsThatNoMessageMentions) {
  EXPECT_EQ(kind_of_end_after(message(9, 20, 0, "a"), {0}), Error::Kind::Refused);
}

TEST_F(ChannelTest, LeaksNoDescriptorOfARefusedMessage) {
  const auto count = [] {
    int open_now = 0;
    for (int fd = 0; fd < 1'024; ++fd) open_now += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return open_now;
  };
  const int before = count();
  EXPECT_EQ(kind_of_end_after(message(1, 21, 2, "a"), {0, 0}), Error::Kind::Refused);
  EXPECT_EQ(count(), before - 1);  // the receiver's own end
}

TEST_F(ChannelTest, CarriesHundredsOfThousandsOfSmallMessagesASecond) {
  auto from = sender();
  constexpr int kCount = 300'000;
  int got = 0;
  auto to =
      open(std::move(ends_.second), [&](std::uint16_t, ByteView payload, std::vector<UniqueFd>&) {
        EXPECT_EQ(payload.size(), 64U);
        if (++got == kCount) loop_.stop();
      });
  const Bytes payload(64, 1);
  for (int i = 0; i < kCount; ++i) from->send(20, payload);
  const auto start = std::chrono::steady_clock::now();
  loop_.run();
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(got, kCount);
  RecordProperty("milliseconds", static_cast<int>(took / 1ms));
  EXPECT_LT(took, 5s);  // ten times what a slow machine needs: only a change of order fails
}

}  // namespace
}  // namespace samhain::sys
