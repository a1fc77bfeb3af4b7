#include "sys/fatal.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

namespace samhain::sys {
namespace {

constexpr std::size_t kMaxLine = 128;

/// A handler cannot make text: its line is made beforehand.
struct LastWords {
  int signal;
  std::size_t size;
  std::array<char, kMaxLine> text;
};

// A signal handler has nothing but globals.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::array<LastWords, 5> last_words{
    {{SIGSEGV, 0, {}}, {SIGBUS, 0, {}}, {SIGILL, 0, {}}, {SIGFPE, 0, {}}, {SIGTRAP, 0, {}}}};

extern "C" void say_last_words(int signal) {
  for (const LastWords& words : last_words) {
    if (words.signal != signal) continue;
    // Nothing can be done if it fails.
    if (write(STDERR_FILENO, words.text.data(), words.size) < 0) break;
  }
  // SA_RESETHAND: now it has its usual effect.
  (void)raise(signal);
}

}  // namespace

void tell_fatal_signals(std::string_view program) {
  for (LastWords& words : last_words) {
    const char* const name = strsignal(words.signal);
    const std::string line = fmt::format("ALERT  :  msg=\"EXIT\" program=\"{}\" status=\"{}\"\n",
                                         program, name == nullptr ? "" : name);
    words.size = std::min(line.size(), words.text.size());
    std::copy_n(line.begin(), words.size, words.text.begin());
    struct sigaction action {};
    action.sa_handler = say_last_words;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(words.signal, &action, nullptr);
  }
}

}  // namespace samhain::sys
