#include "sink/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <thread>

#include "samhain/handle.h"
#include "sink_support.h"

namespace samhain::sink {
namespace {

class ConsoleTest : public testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  /// Only called when something must be there.
  std::string drained() {
    std::string text(1U << 20, '\0');
    const ssize_t got = read(read_end.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

TEST_F(ConsoleTest, WritesALine) {
  Console console{write_end.get(), {report::Form::Classic, {}}};
  ASSERT_TRUE(console.write(some_report()));
  const std::string text = drained();
  EXPECT_TRUE(text.ends_with("msg=<POLICY MISSING>, path=</x>\n")) << text;
}

TEST_F(ConsoleTest, GivesUpInsteadOfWaitingForAReader) {
  Console console{write_end.get(), {report::Form::Classic, {}}};
  const Report report = some_report(Severity::Crit, "/" + std::string(1'000, 'a'));
  Result<void> written;
  for (int i = 0; i < 1'000 && written; ++i) written = console.write(report);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::Busy);

  (void)drained();
  ASSERT_TRUE(console.write(some_report()));
  const std::string text = drained();
  EXPECT_TRUE(text.find("CRIT") == 0 || text.find("\nCRIT") == 0) << "on a line of its own";
}

TEST_F(ConsoleTest, WithPatienceASlowReaderGetsEveryLine) {
  constexpr int kLines = 1'000;
  Console console{write_end.get(), {report::Form::Classic, {}}, std::chrono::seconds{60}};
  const Report report = some_report(Severity::Crit, "/" + std::string(1'000, 'a'));
  std::size_t lines = 0;
  std::thread reader{[&] {
    for (std::string text = drained(); !text.empty(); text = drained()) {
      lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }
  }};
  Result<void> written;
  for (int i = 0; i < kLines && written; ++i) written = console.write(report);
  write_end.reset();
  reader.join();
  EXPECT_TRUE(written);
  EXPECT_EQ(lines, static_cast<std::size_t>(kLines));
}

TEST_F(ConsoleTest, PatienceEnds) {
  Console console{write_end.get(), {report::Form::Classic, {}}, std::chrono::milliseconds{5}};
  const Report report = some_report(Severity::Crit, "/" + std::string(1'000, 'a'));
  Result<void> written;
  for (int i = 0; i < 1'000 && written; ++i) written = console.write(report);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::Busy);
}

TEST_F(ConsoleTest, SaysThatTheReaderIsGone) {
  Console console{write_end.get(), {report::Form::Guide, {}}};
  read_end.reset();
  const auto written = console.write(some_report());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::System);
}

}  // namespace
}  // namespace samhain::sink
