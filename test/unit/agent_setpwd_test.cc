#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "samhain/password_slot.h"
#include "sys/file.h"
#include "uplink_support.h"

namespace samhain::agent {
namespace {

constexpr std::size_t kMaxProgram = 1U << 30;
const std::string kProgram = BUILD_DIRECTORY "/samhain";
const std::string kTool = BUILD_DIRECTORY "/samhain_setpwd";
const std::string kPassword = "0123456789abcdef0123456789ABCDEF";

struct Outcome {
  int status = -1;
  std::string output;
};

/// Runs the tool; `input` is its standard input.
Outcome run_tool(const std::vector<std::string>& arguments, const std::string& input = {}) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) return {};
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(out[1], STDERR_FILENO);
    std::vector<char*> argv = {const_cast<char*>(kTool.c_str())};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(kTool.c_str(), argv.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  EXPECT_EQ(write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  close(in[1]);
  Outcome outcome;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(out[0], buffer.data(), buffer.size())) > 0;) {
    outcome.output.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(out[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

std::size_t count_of_magic(const Bytes& bytes) {
  const auto magic = slot_magic();
  std::size_t count = 0;
  for (auto at = bytes.begin();;) {
    at = std::search(at, bytes.end(), magic.begin(), magic.end());
    if (at == bytes.end()) return count;
    ++count;
    ++at;
  }
}

/// On a copy of the program that was built.
class SetpwdTest : public testing::Test {
 protected:
  void SetUp() override {
    auto bytes = sys::read_file(kProgram, kMaxProgram);
    ASSERT_TRUE(bytes) << bytes.error().text();
    original = *std::move(bytes);
    ASSERT_TRUE(sys::write_file_atomically(copy, original, 0750));
  }
  uplink::ScratchDirectory scratch;
  std::string copy = scratch.path() + "/samhain";
  Bytes original;
};

TEST_F(SetpwdTest, TheProgramHasExactlyOnePlaceholder) { EXPECT_EQ(count_of_magic(original), 1U); }

TEST_F(SetpwdTest, PutsThePasswordIntoACopyWithTheSameMode) {
  const Outcome outcome = run_tool({copy, "new", kPassword});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.output.find(kPassword), std::string::npos) << "a secret on the screen";
  const auto changed = sys::read_file(copy + ".new", kMaxProgram);
  ASSERT_TRUE(changed);
  ASSERT_EQ(changed->size(), original.size());
  EXPECT_NE(as_text(*changed).find(kPassword), std::string_view::npos);
  struct stat facts {};
  ASSERT_EQ(stat((copy + ".new").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0750U);
  EXPECT_EQ(*sys::read_file(copy, kMaxProgram), original) << "the input changed";
}

TEST_F(SetpwdTest, ReadsThePasswordFromStandardInput) {
  EXPECT_EQ(run_tool({copy, "new", "-"}, kPassword + "\n").status, 0);
  const auto changed = sys::read_file(copy + ".new", kMaxProgram);
  ASSERT_TRUE(changed);
  EXPECT_NE(as_text(*changed).find(kPassword), std::string_view::npos);
}

TEST_F(SetpwdTest, ReplacesAnOlderOutput) {
  ASSERT_EQ(run_tool({copy, "new", kPassword}).status, 0);
  const std::string other(64, 'c');
  EXPECT_EQ(run_tool({copy, "new", other}).status, 0);
  EXPECT_NE(as_text(*sys::read_file(copy + ".new", kMaxProgram)).find(other),
            std::string_view::npos);
}

TEST_F(SetpwdTest, RefusesAProgramThatIsAlreadySet) {
  ASSERT_EQ(run_tool({copy, "new", kPassword}).status, 0);
  const Outcome outcome = run_tool({copy + ".new", "again", kPassword});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("set already"), std::string::npos) << outcome.output;
  EXPECT_NE(access((copy + ".new.again").c_str(), F_OK), 0);
}

TEST_F(SetpwdTest, RefusesAFileWithoutAPlaceholderOrWithTwo) {
  const std::string text = scratch.path() + "/text";
  std::ofstream{text} << "no program at all";
  Outcome outcome = run_tool({text, "new", kPassword});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("no placeholder"), std::string::npos) << outcome.output;

  Bytes twice = original;
  twice.insert(twice.end(), original.begin(), original.end());
  ASSERT_TRUE(sys::write_file_atomically(text, twice, 0700));
  outcome = run_tool({text, "new", kPassword});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("more than one"), std::string::npos) << outcome.output;
}

TEST_F(SetpwdTest, RefusesBadPasswordsAndArguments) {
  EXPECT_EQ(run_tool({copy, "new"}).status, 1);
  EXPECT_NE(run_tool({copy, "new"}).output.find("Usage: samhain_setpwd"), std::string::npos);
  for (const std::string& password :
       {std::string(15, 'a'), std::string(65, 'a'), std::string(200, 'a'),
        std::string(15, 'a') + "g", std::string{"F7C312AAAA12C3F7"}}) {
    const Outcome outcome = run_tool({copy, "new", password});
    EXPECT_EQ(outcome.status, 1) << password;
    EXPECT_TRUE(outcome.output.starts_with("ERROR")) << outcome.output;
  }
  EXPECT_EQ(run_tool({copy, "a/b", kPassword}).status, 1);
  EXPECT_EQ(run_tool({copy + ".none", "new", kPassword}).status, 1);
  EXPECT_NE(access((copy + ".new").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace samhain::agent
